"""Requests to sites and their answers, over plain connections in place of streams of a session."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import cast

import pytest

from freespan.api.client import Client
from freespan.api.stream import Stream
from freespan.cli.download import Download, Downloader
from freespan.cli.exchange import FetchError
from freespan.cli.fetch_url import parse_url
from freespan.cli.request_fields import USER_AGENT, RequestFields
from freespan.cli.resuming import Kept, Plan
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from tests.support.raw_site import Answer, RawSite, raw_site, redirect, response


class DirectClient:
    """Opens every host at one port of this machine, but for those that a host would refuse."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.opened: list[tuple[str, int]] = []

    async def open(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> Stream:
        self.opened.append((host, port))
        if host == "refused.test":
            raise StreamError(ProxyStatus("connection_refused"))
        return Stream(*await asyncio.open_connection("127.0.0.1", self._port))


async def fetched(
    site: RawSite, url: str, *given: tuple[str, str], kept: Kept | None = None
) -> tuple[bytes, Download, Plan]:
    """What a download of this URL gives; all hosts are the site."""
    client = DirectClient(site.port)
    downloader = Downloader(cast(Client, client), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    download = Download()
    async with downloader.answer(RequestFields(parse_url(url), given), kept or Kept(), download) as answer:
        chunks = [chunk async for chunk in answer.chunks(download)]
    return b"".join(chunks), download, answer.plan


async def failure(site: RawSite, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        await fetched(site, url)
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- the request ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/?t=application%2Fgzip", "/a%2Fb%2fc/", "/?sig=%2B%3D%2F&e=1", "//x//y", "/a/../b", "/%E2%82%AC?%e2%82%ac", "/?"],
)
async def test_the_url_is_sent_as_given(path: str) -> None:
    with raw_site({"*": response(b"x")}) as site:
        await fetched(site, f"http://site.test{path}#part")
        assert site.paths == [path]


async def test_what_a_site_learns_of_the_program() -> None:
    with raw_site({"*": response(b"x")}) as site:
        await fetched(site, "http://site.test:8080/", ("Accept-Language", "fa"), ("Accept", ""))
        head = site.heads[0].decode()
    assert head == (
        f"GET / HTTP/1.1\r\nHost: site.test:8080\r\nUser-Agent: {USER_AGENT}\r\nAccept-Encoding: identity\r\n"
        "Accept-Language: fa\r\n\r\n"
    )


async def test_letters_outside_ascii_in_a_field_are_utf_8() -> None:
    with raw_site({"*": response(b"x")}) as site:
        await fetched(site, "http://site.test/", ("X-Name", "мост"))
        assert "X-Name: мост\r\n".encode() in site.heads[0]


# --- responses -----------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
FORGIVEN: dict[str, bytes] = {
    "a length": HEAD + b"Content-Length: 4\r\n\r\nbody",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\nT: x\r\n\r\n",
    "an end": HEAD + b"\r\nbody",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nbody",
    "interim responses": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    + HEAD
    + b"\r\nbody",
    "bare line feeds": b"HTTP/1.1 200 OK\nServer: x\n\nbody",
    "a control byte in a cookie": HEAD + b"Set-Cookie: a=\x01b\r\n\r\nbody",
    "a warning among the fields": HEAD + b"<b>Warning</b> in x.php\r\nContent-Length: 4\r\n\r\nbody",
    "a stream of music": b"ICY 200 OK\r\nicy-name: x\r\n\r\nbody",
    "lower case": b"http/1.1 200 OK\r\n\r\nbody",
    "no reason": b"HTTP/1.1 200\r\n\r\nbody",
    "a head of 10 kB": HEAD + b"X-Policy: " + b"x" * 10_000 + b"\r\n\r\nbody",
    "a head of 100 kB": HEAD + b"".join(b"Set-Cookie: c%d=%s\r\n" % (n, b"x" * 990) for n in range(100)) + b"\r\nbody",
    "a head of 250 kB": HEAD + b"X: " + b"x" * 250_000 + b"\r\n\r\nbody",
}


@pytest.mark.parametrize("answer", FORGIVEN.values(), ids=FORGIVEN.keys())
async def test_what_a_browser_shows_is_downloaded(answer: bytes) -> None:
    with raw_site({"/": answer}) as site:
        body, download, _ = await fetched(site, "http://site.test/")
    assert (body, download.received, download.status) == (b"body", 4, 200)


@pytest.mark.parametrize(("status", "body"), [("204 No Content", b""), ("200 OK", b""), ("206 Partial Content", b"xy")])
async def test_other_answers_that_are_good(status: str, body: bytes) -> None:
    with raw_site({"/": response(body, status)}) as site:
        assert (await fetched(site, "http://site.test/"))[0] == body


BROKEN: dict[str, tuple[bytes, str]] = {
    "shorter than it said": (
        HEAD + b"Content-Length: 9\r\n\r\nbody",
        "the download broke off before its end; try again",
    ),
    "a chunk too few": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n",
        "the download broke off before its end",
    ),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nbody", "the download broke off before its end"),
    "nothing": (b"", "the site closed the connection without an answer"),
    "half a head": (HEAD + b"Content-Le", "the site closed the connection without an answer"),
    "no HTTP": (b"220 mail.test ready\r\n", "the site's answer is not HTTP/1.1"),
    "two lengths": (HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody", "is not valid HTTP/1.1"),
    "length and chunks": (
        HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "is not valid HTTP/1.1",
    ),
    "an endless head": (HEAD + b"X: " + b"x" * 300_000, "the header section of the site's response is too long"),
    "interim responses for ever": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "is not valid HTTP/1.1"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "is not valid HTTP/1.1"),
    "not there": (response(b"no", "404 Not Found"), "the site answered 404 Not Found"),
    "a reason with controls": (response(b"", "500 \x1b[2J\x9bno"), "the site answered 500 \ufffd[2J\ufffdno"),
    "an endless reason": (response(b"", "500 " + "x" * 999), "the site answered 500 " + "x" * 60),
    "no reason": (response(b"", "503"), "the site answered 503"),
    "not modified": (response(b"", "304 Not Modified"), "the site answered 304 Not Modified"),
}


@pytest.mark.parametrize(("answer", "why"), BROKEN.values(), ids=BROKEN.keys())
async def test_what_goes_wrong_is_told_in_one_line(answer: bytes, why: str) -> None:
    with raw_site({"/": answer}) as site:
        assert why in await failure(site, "http://site.test/")


async def test_a_refusal_of_the_host_is_told_in_its_words() -> None:
    with raw_site({}) as site:
        assert await failure(site, "http://refused.test/") == "the site refused the connection"


# --- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_redirects_are_followed_and_counted(status: str) -> None:
    answers = {
        "/a?x=%2F": redirect("b", status),
        "/b": redirect("http://other.test:81/%7Ec", status),
        "/%7Ec": response(b"x"),
    }
    with raw_site(answers) as site:
        body, download, _ = await fetched(site, "http://site.test/a?x=%2F")
        assert (body, download.redirects) == (b"x", 2)
        assert [site.fields(number)["host"] for number in range(3)] == ["site.test", "site.test", "other.test:81"]


async def test_secrets_are_not_sent_to_other_sites() -> None:
    secrets = [("Authorization", "Bearer x"), ("Cookie", "a=b"), ("X-Mine", "1")]
    with raw_site({"/": redirect("http://other.test/"), "*": response(b"x")}) as site:
        site.answers["/"] = lambda head: redirect("http://other.test/x") if b"Host: site.test" in head else b""
        await fetched(site, "http://site.test/", *secrets)
        assert site.fields(0)["authorization"] == "Bearer x"
        assert set(site.fields(1)) == {"host", "user-agent", "accept", "accept-encoding", "x-mine"}


async def test_a_cookie_that_a_site_sets_comes_back_to_it_alone() -> None:
    def at_door(head: bytes) -> bytes:
        return response(b"in") if b"Cookie: seen=1\r\n" in head else redirect("/", Set_Cookie="seen=1; Path=/")

    with raw_site(
        {"/": at_door, "/away": redirect("http://other.test/x", Set_Cookie="a=b"), "/x": response(b"x")}
    ) as site:
        assert (await fetched(site, "http://site.test/"))[0] == b"in"
        await fetched(site, "http://site.test/away")
        assert "cookie" not in site.fields()


async def test_a_circle_and_a_chain_without_an_end() -> None:
    def further(head: bytes) -> bytes:
        return redirect(f"/chain{len(head.split(b' ')[1])}{'x' * (len(head) % 7)}{len(site.heads)}")

    with raw_site({"/circle": redirect("/circle"), "/a": redirect("/b"), "/b": redirect("/a"), "*": further}) as site:
        assert await failure(site, "http://site.test/circle") == "the site redirects in a circle"
        assert await failure(site, "http://site.test/a") == "the site redirects in a circle"
        site.heads.clear()
        assert await failure(site, "http://site.test/chain") == "the site redirects more than 20 times"
        assert len(site.heads) == 21


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (redirect("ftp://x/"), "the URL that the site redirects to is not an http or https URL"),
        (redirect("http://[x"), "the URL that the site redirects to is not an http or https URL"),
        (response(b"", "302 Found"), "the site answered 302 Found, and not where to go"),
    ],
)
async def test_redirects_to_nowhere(answer: bytes, why: str) -> None:
    with raw_site({"/": answer}) as site:
        assert await failure(site, "http://site.test/") == why


async def test_a_place_in_utf_8_or_latin_1_is_found() -> None:
    with raw_site({"/": redirect("/путь".encode().decode("latin-1")), "*": response(b"x")}) as site:
        await fetched(site, "http://site.test/")
        assert site.paths[-1] == "/%D0%BF%D1%83%D1%82%D1%8C"
        site.answers["/"] = redirect("/caf\xe9")
        await fetched(site, "http://site.test/")
        assert site.paths[-1] == "/caf%C3%A9"


# --- going on ------------------------------------------------------------------------------------

WHOLE = bytes(range(256)) * 10


def ranged(tag: str) -> Answer:
    """A file of this tag, at a site that knows ranges."""

    def answer(head: bytes) -> bytes:
        text = head.decode()
        if "Range: bytes=" not in text or ("If-Range:" in text and f"If-Range: {tag}\r\n" not in text):
            return response(WHOLE, ETag=tag)
        start = int(text.partition("Range: bytes=")[2].partition("-")[0])
        if start >= len(WHOLE):
            return response(b"", "416 Range Not Satisfiable", Content_Range=f"bytes */{len(WHOLE)}", ETag=tag)
        return response(
            WHOLE[start:], "206 Partial Content", Content_Range=f"bytes {start}-{len(WHOLE) - 1}/{len(WHOLE)}", ETag=tag
        )

    return answer


@pytest.mark.parametrize(
    ("kept", "plan", "requests"),
    [
        (Kept(100, '"v1"'), Plan.APPEND, 1),
        (Kept(100), Plan.APPEND, 1),
        (Kept(100, '"old"'), Plan.WHOLE, 1),
        (Kept(len(WHOLE), '"v1"'), Plan.COMPLETE, 1),
        (Kept(len(WHOLE) + 9), Plan.WHOLE, 2),
        (Kept(), Plan.WHOLE, 1),
    ],
)
async def test_a_download_goes_on(kept: Kept, plan: Plan, requests: int) -> None:
    with raw_site({"/": redirect("/file"), "/file": ranged('"v1"')}) as site:
        body, _, found = await fetched(site, "http://site.test/file", kept=kept)
        assert (found, len(site.heads)) == (plan, requests)
    start = {Plan.APPEND: kept.size, Plan.COMPLETE: len(WHOLE), Plan.WHOLE: 0}[plan]
    assert hashlib.sha256(WHOLE[:start] + body).digest() == hashlib.sha256(WHOLE).digest()


async def test_a_range_that_does_not_fit_is_asked_for_anew() -> None:
    def wrong(head: bytes) -> bytes:
        if b"Range:" in head:
            return response(WHOLE[50:], "206 Partial Content", Content_Range=f"bytes 50-{len(WHOLE) - 1}/{len(WHOLE)}")
        return response(WHOLE)

    with raw_site({"/": wrong}) as site:
        body, _, plan = await fetched(site, "http://site.test/", kept=Kept(100))
    assert (body, plan) == (WHOLE, Plan.WHOLE)
