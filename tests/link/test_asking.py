"""What goes wrong with real sockets, and the cause that is named for it. No clock of this machine is touched."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from time import time

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from freespan.link import asking
from freespan.link.asking import FAILURES, watched_connector, watched_requests, watching
from freespan.wire import causes
from freespan.wire.causes import Cause
from tests.support.tls import DAY, TestAuthority

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class PlayedResolver(AbstractResolver):
    """Leads every name to one address, or raises."""

    def __init__(self, address: str = "127.0.0.1", error: OSError | None = None, *, hangs: bool = False) -> None:
        self._address, self._error, self._hangs = address, error, hangs

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self._hangs:
            await asyncio.Event().wait()
        if self._error is not None:
            raise self._error
        return [ResolveResult(hostname=host, host=self._address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def answering(head: str, body: str = "") -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            await writer.drain()
        writer.close()

    return handle


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read, and never answer."""
    with contextlib.suppress(OSError):
        while await reader.read(65_536):
            pass
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End with a TCP reset after the first bytes, as some censors do."""
    await reader.read(64)
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(64)
    writer.close()


async def cause_of(
    url: str, *, resolver: AbstractResolver | None = None, trust: ssl.SSLContext | bool = True, seconds: float = 5.0
) -> Cause:
    connector = watched_connector(resolver, ssl=trust)
    async with aiohttp.ClientSession(connector=connector, trace_configs=[watched_requests()]) as http:
        with watching() as attempt:
            try:
                async with asyncio.timeout(seconds), http.post(url, allow_redirects=False) as response:
                    response.raise_for_status()
            except FAILURES as error:
                return await attempt.cause_of(error, http, url)
    raise AssertionError("it was answered")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestAuthority:
    made = TestAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))  # what a second look trusts
    return made


# --- names ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, causes.DNS_NO_NAME),
        (getattr(socket, "EAI_NODATA", socket.EAI_NONAME), causes.DNS_NO_NAME),
        (socket.EAI_AGAIN, causes.DNS_NO_ANSWER),
        (socket.EAI_FAIL, causes.DNS_NO_ANSWER),
        (11001, causes.DNS_NO_NAME),
        (11002, causes.DNS_NO_ANSWER),
    ],
)
async def test_a_name_that_is_not_resolved(number: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "has_route", lambda: True)
    found = await cause_of("https://garden.example/a", resolver=PlayedResolver(error=socket.gaierror(number, "no")))
    assert found.code == code
    monkeypatch.setattr(asking, "has_route", lambda: False)
    found = await cause_of("https://garden.example/a", resolver=PlayedResolver(error=socket.gaierror(number, "no")))
    assert found.code == causes.NO_NETWORK


async def test_a_resolver_that_hangs() -> None:
    found = await cause_of("https://garden.example", resolver=PlayedResolver(hangs=True), seconds=0.05)
    assert found.code == causes.DNS_TIMEOUT


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "10.10.34.35"])
async def test_a_public_name_that_leads_to_a_private_address(address: str) -> None:
    async with listening(reset) as port:
        found = await cause_of(f"http://garden.example:{port}", resolver=PlayedResolver(address), seconds=0.3)
    assert found.code == causes.DNS_FORGED


# --- connections -----------------------------------------------------------------------------------
async def test_a_closed_port() -> None:
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        assert (await cause_of(f"http://127.0.0.1:{kept.getsockname()[1]}")).code == causes.REFUSED


async def test_a_connection_that_is_never_taken() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (first, second):  # a queue of 0 takes one
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        await asyncio.sleep(0)
        found = await cause_of(f"http://127.0.0.1:{full.getsockname()[1]}", seconds=0.2)
    assert found.code == causes.CONNECT_TIMEOUT


@pytest.mark.parametrize("handler", [reset, hang_up])
async def test_tls_is_cut(handler: Handler) -> None:
    async with listening(handler) as port:
        assert (await cause_of(f"https://127.0.0.1:{port}")).code == causes.TLS_CUT


async def test_tls_comes_to_nothing() -> None:
    async with listening(hang) as port:
        assert (await cause_of(f"https://127.0.0.1:{port}", seconds=0.3)).code == causes.TLS_TIMEOUT


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9\r\n", b"220 mail\r\n"])
async def test_what_does_not_speak_tls(greeting: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await hang(reader, writer)

    async with listening(greet) as port:
        assert (await cause_of(f"https://127.0.0.1:{port}")).code == causes.NO_TLS


@pytest.mark.parametrize("alert", [112, 40, 80])  # unrecognized_name, handshake_failure, internal_error
async def test_an_alert_of_tls(alert: int) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(bytes((21, 3, 3, 0, 2, 2, alert)))
        await hang(reader, writer)

    async with listening(refuse) as port:
        assert (await cause_of(f"https://localhost:{port}")).code == causes.TLS_REFUSED


async def test_no_answer() -> None:
    async with listening(hang) as port:
        assert (await cause_of(f"http://127.0.0.1:{port}", seconds=0.3)).code == causes.ANSWER_TIMEOUT


@pytest.mark.parametrize("handler", [reset, hang_up])
async def test_a_connection_that_is_cut_before_the_answer(handler: Handler) -> None:
    async with listening(handler) as port:
        assert (await cause_of(f"http://127.0.0.1:{port}")).code == causes.CUT


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[Errno 101] unreachable ('2001:db8::1', 443), [Errno 111] refused ('192.0.2.1', 443)", causes.REFUSED),
        ("[Errno 101] unreachable, [Errno 110] timed out", causes.CONNECT_TIMEOUT),
        ("[Errno 101] unreachable, [Errno 113] no route", causes.UNREACHABLE),
    ],
)
def test_several_addresses_say_the_most_telling(text: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "has_route", lambda: True)
    error = OSError(f"Multiple exceptions: {text}")
    assert asking.Attempt().cause_at_once(error, "https://garden.example").code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(1, "not permitted"), causes.NOT_ALLOWED),
        (PermissionError(13, "denied"), causes.NOT_ALLOWED),
        (OSError(24, "too many open files"), causes.NO_FILES),
        (OSError(99, "no such address"), causes.UNREACHABLE),
        (ValueError("?"), causes.UNKNOWN),
    ],
)
def test_errors_of_this_machine(error: Exception, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "has_route", lambda: True)
    assert asking.Attempt().cause_at_once(error, "https://garden.example").code == code


# --- certificates, and clocks ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("begin", "end", "server_is_at", "code", "words"),
    [
        # the certificate is good at the time that the server says: the clock of this machine is wrong
        (2 * DAY, 92 * DAY, 3 * DAY, causes.CLOCK, "3 days behind"),
        (700 * DAY, 790 * DAY, 365.25 * DAY * 2, causes.CLOCK, "2 years behind"),
        (-400 * DAY, -310 * DAY, -340 * DAY, causes.CLOCK, "340 days ahead"),
        (0.2 * DAY, DAY, 0.25 * DAY, causes.CLOCK, "6 hours behind"),
        # the clocks agree: it is the certificate
        (-92 * DAY, -2 * DAY, 0.0, causes.EXPIRED, "2 days ago"),
        (2 * DAY, 92 * DAY, 0.0, causes.NOT_YET_VALID, ""),
        # the server does not say the time
        (5 * DAY, 95 * DAY, None, causes.CLOCK, "at least 5 days behind"),
        (-95 * DAY, -5 * DAY, None, causes.EXPIRED, "5 days ago"),
    ],
)
async def test_dates(
    begin: float, end: float, server_is_at: float | None, code: str, words: str, authority: TestAuthority
) -> None:
    date = "" if server_is_at is None else f"\r\nDate: {formatdate(time() + server_is_at, usegmt=True)}"
    async with listening(answering(f"404 Not Found{date}"), authority.server_context(begin=begin, end=end)) as port:
        found = await cause_of(f"https://localhost:{port}/a", trust=authority.client_context())
    assert found.code == code
    assert words in found.sentence


async def test_the_date_of_a_redirect_is_taken(authority: TestAuthority) -> None:
    date = formatdate(time() + 10 * DAY, usegmt=True)
    handler = answering(f"302 Found\r\nLocation: /b\r\nDate: {date}")
    async with listening(handler, authority.server_context(begin=9 * DAY)) as port:
        found = await cause_of(f"https://localhost:{port}/a", trust=authority.client_context())
    assert "10 days behind" in str(found)


async def test_an_outdated_certificate_of_a_stranger_says_nothing_of_the_clock(
    authority: TestAuthority, tmp_path: Path
) -> None:
    date = formatdate(time() + 10 * DAY, usegmt=True)
    stranger = TestAuthority(tmp_path).server_context(begin=9 * DAY)
    async with listening(answering(f"200 OK\r\nDate: {date}"), stranger) as port:
        found = await cause_of(f"https://localhost:{port}/a", trust=authority.client_context())
    assert found.code == causes.UNKNOWN_ISSUER


async def test_another_name(authority: TestAuthority) -> None:
    for name in ("login.example", "localhost.example", "*.localhost"):
        async with listening(hang, authority.server_context(name)) as port:
            found = await cause_of(f"https://localhost:{port}", trust=authority.client_context())
        assert found.code == causes.WRONG_NAME


async def test_an_unknown_issuer(authority: TestAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening(hang, authority.server_context()) as port:
        assert (await cause_of(f"https://localhost:{port}")).code == causes.UNKNOWN_ISSUER
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
        assert (await cause_of(f"https://localhost:{port}")).code == causes.NO_AUTHORITIES
        (tmp_path / "empty").mkdir()
        assert (await cause_of(f"https://localhost:{port}")).code == causes.NO_AUTHORITIES
        (tmp_path / "empty" / "0a1b2c3d.0").touch()
        assert (await cause_of(f"https://localhost:{port}")).code == causes.UNKNOWN_ISSUER


# --- HTTP/2 alone ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00\x00\x05\x00\xff\xff\xff",
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x10\x00\x00",
    ],
)
async def test_a_server_that_speaks_http2_whatever_it_is_asked(settings: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(settings)
        writer.close()

    async with listening(greet) as port:
        assert (await cause_of(f"http://127.0.0.1:{port}")).code == causes.HTTP2_ONLY


async def test_a_server_that_refuses_http1_in_tls() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(bytes((21, 3, 3, 0, 2, 2, 120)))  # no_application_protocol (RFC 7301 section 3.2)
        await hang(reader, writer)

    async with listening(refuse) as port:
        assert (await cause_of(f"https://localhost:{port}")).code == causes.HTTP2_ONLY
