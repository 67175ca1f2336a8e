"""Whole conversations of programs that speak HTTP/1.1, with sites that have good manners and bad ones."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import h11
import pytest

from freespan.client.local_proxy.repair import HEAD_MAX
from freespan.client.settings import ClientSettings
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.settings import TunnelSettings
from tests.client.local_proxy.proxies import Asked, PlayedSite, RunningProxy, ok, playing, running_proxy
from tests.support import readers
from tests.support.readers import dial, read_all
from tests.support.whole_path import SECONDS

RESET_ON_CLOSE = b"\x01\x00\x00\x00\x00\x00\x00\x00"


def request(
    port: int, path: str = "/", *headers: str, method: str = "GET", version: str = "1.1", body: bytes = b""
) -> bytes:
    """A request in absolute-form to the site at a port."""
    lines = [f"{method} http://site.test:{port}{path} HTTP/{version}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def read_response(connection: socket.socket) -> bytes:
    """One response that has a length."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return head
        head += byte
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    return head + readers.read_exactly(connection, length)


def ask(connection: socket.socket, *requests: bytes) -> list[bytes]:
    """Send each request when the response to the one before it has come; returns the bodies."""
    bodies = []
    for each in requests:
        connection.sendall(each)
        bodies.append(read_response(connection).partition(b"\r\n\r\n")[2])
    return bodies


def always(body: bytes) -> Callable[[Asked], bytes]:
    return lambda _: body


# --- connections to sites are kept ---------------------------------------------------------------


async def test_a_site_is_asked_over_one_connection_for_each_program(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> None:
        with dial(proxy) as one, dial(proxy) as other:
            for path in ("/a", "/b", "/c"):
                assert ask(one, request(port, path)) == [b"ok"]
                assert ask(other, request(port, path + "2")) == [b"ok"]

    async with playing(always(ok())) as site:
        await running.call(use, site.port)
        await running.until_idle()
        found = {(each.connection, each.path.endswith("2")) for each in site.asked}
        assert (site.connections, len(found), len(site.asked)) == (2, 2, 6), "nobody uses another one's connection"


async def test_each_site_has_its_own_connection(running: RunningProxy) -> None:
    def use(proxy: str, one: int, other: int) -> None:
        with dial(proxy) as connection:
            secret = request(other, "/account", "Cookie: secret")
            assert ask(connection, request(one), secret, request(one), secret) == [b"one", b"two", b"one", b"two"]

    async with playing(always(ok(b"one"))) as one, playing(always(ok(b"two"))) as other:
        await running.call(use, one.port, other.port)
        assert (one.connections, other.connections) == (1, 1)
        assert not [each for each in one.asked if "secret" in each.head or "account" in each.head]


LOGINS = {"NTLM": ("NTLM a", "NTLM b", "NTLM c"), "Negotiate": ("Negotiate a", "Negotiate b", "Negotiate c")}


@pytest.mark.parametrize("steps", LOGINS.values(), ids=LOGINS.keys())
async def test_a_login_that_holds_for_a_connection(running: RunningProxy, steps: tuple[str, str, str]) -> None:
    """And for nobody else's."""
    known: set[int] = set()
    scheme = steps[0].split()[0]

    def answer(asked: Asked) -> bytes:
        if asked.connection in known:
            return ok(b"hello")
        if f"Authorization: {steps[2]}" in asked.head and asked.number == 2:
            known.add(asked.connection)
            return ok(b"welcome")
        challenge = steps[1] if f"Authorization: {steps[0]}" in asked.head else scheme
        return f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 2\r\n\r\nno".encode()

    def use(proxy: str, port: int) -> None:
        with dial(proxy) as one, dial(proxy) as other:
            first, third = (request(port, "/", f"Authorization: {steps[number]}") for number in (0, 2))
            assert ask(one, request(port), first, third) == [b"no", b"no", b"welcome"]
            assert ask(other, request(port)) == [b"no"]
            assert ask(one, request(port), request(port, method="POST")) == [b"hello", b"hello"]

    async with playing(answer) as site:
        await running.call(use, site.port)


@pytest.mark.parametrize("has_ended", [False, True], ids=["as it is asked", "before"])
async def test_a_program_that_was_logged_in_is_told_when_its_connection_has_gone(
    session: ClientTunnel, has_ended: bool
) -> None:
    """It logs in anew over another one; on this one it would wonder why nobody knows it any more."""

    def use(proxy: str, site: PlayedSite) -> None:
        with dial(proxy) as connection:
            assert ask(connection, request(site.port, "/", "Authorization: NTLM abc")) == [b"ok"]
            if has_ended:
                until(lambda: site.open == 0)
            connection.sendall(request(site.port))
            assert read_all(connection) == b""

    settings = ClientSettings(kept_streams_seconds=0.05 if has_ended else 30.0)
    async with (
        running_proxy(session, settings) as running,
        playing(lambda asked: None if asked.number else ok()) as site,
    ):
        await running.call(use, site)
        assert site.connections == 1


@pytest.mark.parametrize("said", [None, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_site_that_ends_its_connection_as_it_is_asked_is_asked_again(
    running: RunningProxy, said: bytes | None, method: str
) -> None:
    def answer(asked: Asked) -> bytes | None:
        return said if asked.number == 1 else ok(b"" if method == "HEAD" else b"ok")

    def use(proxy: str, port: int) -> None:
        with dial(proxy) as connection:
            for _ in range(3):
                connection.sendall(request(port, method=method))
                assert read_response(connection).startswith(b"HTTP/1.1 200 ")

    async with playing(answer) as site:
        await running.call(use, site.port)
        assert [(each.connection, each.number) for each in site.asked] == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]


@pytest.mark.parametrize(
    ("method", "headers", "body"),
    [
        ("POST", (), b""),
        ("PUT", ("Content-Length: 2",), b"xy"),
        ("GET", ("Content-Length: 2",), b"xy"),
        ("get", (), b""),
    ],
)
async def test_what_may_have_been_done_is_not_asked_again(
    running: RunningProxy, method: str, headers: tuple[str, ...], body: bytes
) -> None:
    """The program sees what it would see without a proxy: that its connection has ended."""

    def use(proxy: str, port: int) -> bytes:
        with dial(proxy) as connection:
            ask(connection, request(port))
            connection.sendall(request(port, "/", *headers, method=method, body=body))
            return read_all(connection)

    async with playing(lambda asked: None if asked.number else ok()) as site:
        assert await running.call(use, site.port) == b""
        assert len(site.asked) == 2


async def test_a_new_connection_that_ends_is_the_word_of_the_site(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> None:
        reply = readers.get(proxy, f"http://site.test:{port}/")
        assert (reply.status, reply.header("Proxy-Status")) == (502, "freespan; error=http_response_incomplete")

    async with playing(lambda _: None) as site:
        await running.call(use, site.port)
        assert len(site.asked) == 1


async def test_a_site_that_has_ended_its_connection_meanwhile_is_asked_over_another_one(running: RunningProxy) -> None:
    """Whatever it is asked: nothing went over the one that has ended."""

    def use(proxy: str, site: PlayedSite) -> None:
        with dial(proxy) as connection:
            for _ in range(3):
                assert ask(connection, request(site.port, method="POST")) == [b"ok"]
                until(lambda: site.open == 0)

    async with playing(always(ok()), closes=True) as site:
        await running.call(use, site)
        assert site.connections == 3


async def test_a_program_is_told_that_a_site_ends_its_connection(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> bytes:
        with dial(proxy) as connection:
            connection.sendall(request(port) + request(port))
            return read_all(connection)

    async with playing(always(ok(b"ok", "Connection: close"))) as site:
        passed = await running.call(use, site.port)
        assert passed == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        assert len(site.asked) == 1


async def test_a_kept_connection_ends_after_a_while_and_with_its_program(session: ClientTunnel) -> None:
    def use(proxy: str, site: PlayedSite) -> None:
        with dial(proxy) as connection:
            ask(connection, request(site.port))
            until(lambda: site.open == 0)
            ask(connection, request(site.port), request(site.port))
            assert site.connections == 2

    settings = ClientSettings(kept_streams_seconds=0.1)
    async with running_proxy(session, settings) as running, playing(always(ok())) as site:
        await running.call(use, site)
    async with running_proxy(session) as running, playing(always(ok())) as site:
        with await running.call(dial) as connection:
            await asyncio.to_thread(ask, connection, request(site.port))
            assert site.open == 1
        await running.until_idle()
        await asyncio.to_thread(until, lambda: site.open == 0)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what happens in the loop of the test, as a program in a thread."""
    for _ in range(int(SECONDS / 0.005)):
        if holds():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it never came to be")


# --- pipelines and ends ---------------------------------------------------------------------------


async def test_requests_that_come_at_once_are_answered_in_their_order(running: RunningProxy) -> None:
    def use(proxy: str, one: int, other: int) -> list[bytes]:
        with dial(proxy) as connection:
            post = request(one, "/p", "Content-Length: 4", method="POST", body=b"body")
            connection.sendall(request(one, "/a") + request(other, "/b") + post + b"\r\n" + request(one, "/c"))
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection).split(b"HTTP/1.1 200 OK\r\n")[1:]

    def answer(asked: Asked) -> bytes:
        return ok(asked.path.encode() + asked.body)

    async with playing(answer) as one, playing(answer) as other:
        found = await running.call(use, one.port, other.port)
        assert [each.partition(b"\r\n\r\n")[2] for each in found] == [b"/a", b"/b", b"/pbody", b"/c"]
        assert (one.connections, other.connections) == (1, 1)


@pytest.mark.parametrize(
    ("headers", "body"),
    [((), b""), (("Content-Length: 4",), b"body"), (("Transfer-Encoding: chunked",), b"4\r\nbody\r\n0\r\n\r\n")],
    ids=["no body", "a body", "chunks"],
)
async def test_nothing_behind_the_request_goes_to_its_site(
    running: RunningProxy, headers: tuple[str, ...], body: bytes
) -> None:
    def use(proxy: str, port: int) -> bytes:
        with dial(proxy) as connection:
            sent = request(port, "/", *headers, method="POST", body=body[:2])
            for part in (sent, body[2:] + b"GET http://bank.test/", b"account HTTP/1.1\r\n\r\n"):
                connection.sendall(part)
            assert read_response(connection).endswith(b"ok")
            return read_all(connection)

    async with playing(always(ok())) as site:
        assert (await running.call(use, site.port)).startswith(b"HTTP/1.1 502 ")
        assert [each.body for each in site.asked] == [body]


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_a_program_that_has_ended_its_direction_gets_its_answer(running: RunningProxy, version: str) -> None:
    """And the site is not told yet: many give up a request whose sender has ended."""

    def use(proxy: str, port: int) -> bytes:
        with dial(proxy) as connection:
            connection.sendall(request(port, version=version))
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    async with playing(always(ok(b"x" * 300_000))) as site:
        assert (await running.call(use, site.port)).endswith(b"x" * 300_000)


async def test_a_site_is_told_of_the_end_of_its_program_after_a_while(session: ClientTunnel) -> None:
    settings = ClientSettings(proxy_half_closed_seconds=0.05)
    told = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
        told.set()
        writer.write(ok(b"late"))
        writer.close()

    def use(proxy: str, port: int) -> bytes:
        with dial(proxy) as connection:
            connection.sendall(request(port))
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, running_proxy(session, settings) as running:
        assert (await running.call(use, server.sockets[0].getsockname()[1])).endswith(b"late")
        assert told.is_set()


WAYS = {
    "a request": "GET http://site.test:{port}/ HTTP/1.1\r\n\r\n",
    "CONNECT": "CONNECT site.test:{port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "SOCKS": "\x05\x01\x00\x05\x01\x00\x03\x09site.test{high}{low}GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_a_program_that_may_have_gone_is_given_up(session: ClientTunnel, way: str) -> None:
    """Even if the site neither says anything nor minds the end: a page could fill a session with such connections."""
    settings = ClientSettings(proxy_half_closed_seconds=0.01, proxy_given_up_seconds=0.05)
    asked, given_up, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await given_up.wait()
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running_proxy(session, settings) as running, server:
        port = server.sockets[0].getsockname()[1]
        sent = way.format(port=port, high=chr(port >> 8), low=chr(port & 255)).encode("latin-1")
        with await running.call(dial) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            await asked.wait()
            await running.until_idle()
        given_up.set()
        await ended.wait()


async def test_a_program_that_leaves_takes_its_request_with_it(running: RunningProxy) -> None:
    gone = asyncio.Event()
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(SECONDS):
        with await running.call(dial) as connection:
            connection.sendall(request(server.sockets[0].getsockname()[1]))
            await asked.wait()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        await gone.wait()
        await running.until_idle()


async def test_an_old_program_is_served_once(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> bytes:
        return readers.exchange(proxy, request(port, "/", "Connection: keep-alive", version="1.0"))

    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with playing(always(sent)) as site:
        assert await running.call(use, site.port) == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"
        assert "\r\nConnection: close\r\n" in site.asked[0].head


async def test_who_rests_makes_room_for_others_and_leaves_after_a_while(session: ClientTunnel) -> None:
    def use(proxy: str, port: int) -> None:
        with dial(proxy) as first, dial(proxy) as second:
            ask(first, request(port))
            ask(second, request(port))
            with dial(proxy) as third:
                assert ask(third, request(port)) == [b"ok"]
                assert first.recv(1) == b""
                assert ask(second, request(port)) == [b"ok"]

    def rest(proxy: str, port: int) -> None:
        with dial(proxy) as connection:
            ask(connection, request(port))
            assert connection.recv(1) == b""

    async with playing(always(ok())) as site:
        async with running_proxy(session, ClientSettings(proxy_connections_max=2)) as running:
            await running.call(use, site.port)
        async with running_proxy(session, ClientSettings(proxy_rest_seconds=0.05)) as running:
            await running.call(rest, site.port)


# --- bodies that are not awaited, and answers that are early ---------------------------------------


async def test_a_program_that_asks_whether_it_may_go_on(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> bytes:
        with dial(proxy) as connection:
            connection.sendall(request(port, "/", "Expect: 100-continue", "Content-Length: 2", method="PUT"))
            assert read_response(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"xy" + request(port, "/2"))
            assert read_response(connection).endswith(b"took xy")
            return read_response(connection)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(ok(b"took " + await reader.readexactly(2)))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(b"again"))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        assert (await running.call(use, server.sockets[0].getsockname()[1])).endswith(b"again")


async def test_a_program_that_may_not_go_on_asks_again(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> bytes:
        head = ("Content-Length: 2",)
        with dial(proxy) as connection:
            connection.sendall(request(port, "/", "Expect: 100-continue", *head, method="PUT"))
            assert read_response(connection).startswith(b"HTTP/1.1 417 ")
            return ask(connection, request(port, "/", *head, method="PUT", body=b"xy"))[0]

    def answer(asked: Asked) -> bytes:
        is_waiting = "100-continue" in asked.head
        return b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n" if is_waiting else ok(asked.body)

    async with playing(answer) as site:
        assert (await running.call(use, site.port)).endswith(b"xy")


@pytest.mark.parametrize("sent", ["GET http://{} HTTP/1.1\r\n\r\n", "CONNECT {} HTTP/1.1\r\n\r\n", "file\r\n\r\n"])
async def test_a_body_that_comes_after_417_asks_no_other_site(running: RunningProxy, sent: str) -> None:
    """A program may have sent it just before it has heard that it must not."""

    def use(proxy: str, port: int, other: int) -> None:
        body = sent.format(f"site.test:{other}").encode()
        with dial(proxy) as connection:
            length = f"Content-Length: {len(body)}"
            connection.sendall(request(port, "/", "Expect: 100-continue", length, method="PUT"))
            assert read_response(connection).startswith(b"HTTP/1.1 417 ")
            connection.sendall(body)
            with pytest.raises(ConnectionResetError):
                read_all(connection)

    said = b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"
    async with playing(always(said)) as site, playing(always(ok())) as other:
        await running.call(use, site.port, other.port)
        assert other.connections == 0


@pytest.mark.parametrize("stays", [True, False], ids=["it stays", "it resets"])
async def test_an_answer_before_the_end_of_a_large_upload_arrives(running: RunningProxy, stays: bool) -> None:
    """Whatever becomes of the rest of the upload."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            while stays and await reader.read(65_536):
                pass
        writer.close()

    def use(proxy: str, port: int) -> bytes:
        size = 4_000_000
        with dial(proxy) as connection:
            connection.sendall(request(port, "/", f"Content-Length: {size}", method="POST"))
            assert read_response(connection).endswith(b"big")
            try:
                connection.sendall(bytes(size))
            except OSError:
                return b""
            return read_all(connection)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        assert await running.call(use, server.sockets[0].getsockname()[1]) == b""
        await running.until_idle()


async def test_a_body_whose_chunks_break_is_cut(running: RunningProxy) -> None:
    came = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                came.extend(data)
        writer.close()

    def use(proxy: str, port: int) -> None:
        with dial(proxy) as connection:
            head = ("Transfer-Encoding: chunked",)
            connection.sendall(request(port, "/", *head, method="PUT", body=b"2\r\nab\r\n"))
            assert read_response(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                read_all(connection)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await running.call(use, server.sockets[0].getsockname()[1])
        await running.until_idle()
    assert b"ab" in came
    assert b"GET" not in came


# --- what sites answer --------------------------------------------------------------------------


FORGIVEN = {
    "a radio": b"ICY 200 OK\r\nicy-name: x\r\n\r\nok",
    "a control byte": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\x02b\r\nContent-Length: 2\r\n\r\nok",
    "a warning": b"HTTP/1.1 200 OK\r\nNotice: x\r\n<br />Undefined index\r\nContent-Length: 2\r\n\r\nok",
    "a name that is none": b"HTTP/1.1 200 OK\r\nX\xe4 y: z\r\nContent-Length: 2\r\n\r\nok",
    "small letters": b"http/1.0 200 fine\r\n\r\nok",
    "blank lines first": b"\r\n\nHTTP/1.1   200   OK\r\nContent-Length: 2\r\n\r\nok",
    "a large head": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 250_000 + b"\r\nContent-Length: 2\r\n\r\nok",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x\r\nk\r\n0\r\nA: b\r\n\r\n",
    "another code": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
    "a blank line of blanks": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n \r\n\r\nok",
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nok",
    "chunks with bare LF": b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\no\n1\nk\n0\n\n",
    "trailers that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nbad\r\n\r\n",
    "an early hint": b"HTTP/1.1 103 Early Hints\r\nbad\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("sent", FORGIVEN.values(), ids=FORGIVEN.keys())
async def test_what_browsers_show_arrives(running: RunningProxy, sent: bytes) -> None:
    assert body_of(await answered(running, sent)) == b"ok"
    assert (await answered(running, sent, version="1.0")).endswith(b"\r\n\r\nok")


REFUSED = {
    "another protocol": (b"SSH-2.0-x\r\n", "http_protocol_error"),
    "no head at all": (b"<html>hello", "http_protocol_error"),
    "a head too large": (b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_MAX, "http_response_header_section_size"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok", "http_protocol_error"),
    "a length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nok",
        "http_protocol_error",
    ),
    "a switch": (b"HTTP/1.1 101 S\r\n\r\n", "http_protocol_error"),
    "half a head": (b"HTTP/1.1 200 OK\r\nA: b", "http_response_incomplete"),
}


@pytest.mark.parametrize(("sent", "error"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_no_response_is_said_to_be_none(running: RunningProxy, sent: bytes, error: str) -> None:
    reply = readers.parse(await answered(running, sent))
    assert (reply.status, reply.header("Proxy-Status")) == (502, f"freespan; error={error}")
    assert reply.header("Content-Type") == "application/problem+json"


async def test_a_page_that_gets_no_http_is_reset(running: RunningProxy) -> None:
    with pytest.raises(ConnectionResetError):
        await answered(running, b"SSH-2.0-x\r\n\r\n", "User-Agent: Mozilla/5.0")


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", FORGIVEN["chunks"][:-15]])
async def test_half_a_response_is_no_whole_one(running: RunningProxy, sent: bytes) -> None:
    passed = await answered(running, sent)
    assert passed.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not passed.endswith(b"0\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        await answered(running, sent, version="1.0")


def body_of(response: bytes) -> bytes:
    """The body of the final response, by the library."""
    library = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * HEAD_MAX)
    library.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    library.receive_data(response)
    library.receive_data(b"")
    body = b""
    while not isinstance(event := library.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.InformationalResponse | h11.Response | h11.Data)
        body += event.data if isinstance(event, h11.Data) else b""
    return body


async def answered(running: RunningProxy, sent: bytes, *headers: str, version: str = "1.1") -> bytes:
    """What a program gets from a site that sends this and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    def use(proxy: str, port: int) -> Any:
        return readers.exchange(proxy, request(port, "/", "Connection: close", *headers, version=version))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        found: bytes = await running.call(use, server.sockets[0].getsockname()[1])
    await running.until_idle()
    return found


async def test_a_site_whose_chunks_break_cuts_the_program_even_if_it_stays(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> None:
        with pytest.raises(ConnectionResetError):
            readers.exchange(proxy, request(port))

    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12345678123456789\r\naaaa"
    async with playing(always(sent)) as site:
        await running.call(use, site.port)


async def test_a_site_that_falls_silent_is_given_up(session: ClientTunnel) -> None:
    tunnel = TunnelSettings(stream_idle_seconds=0.1)
    async with running_proxy(session, ClientSettings(tunnel=tunnel)) as running:

        def use(proxy: str, port: int) -> None:
            with pytest.raises(ConnectionResetError):
                readers.exchange(proxy, request(port))

        async with playing(always(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")) as site:
            await running.call(use, site.port)
            await running.until_idle()


# --- WebSocket ------------------------------------------------------------------------------------


@pytest.mark.parametrize("connection", ["Upgrade", "keep-alive, Upgrade", "upgrade"])
async def test_a_websocket_by_absolute_form_becomes_a_tunnel(running: RunningProxy, connection: str) -> None:
    switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

    def use(proxy: str, port: int) -> None:
        headers = (f"Connection: {connection}", "Upgrade: websocket", "Sec-WebSocket-Key: x")
        with dial(proxy) as program:
            assert ask(program, request(port)) == [b"ok"]
            program.sendall(request(port, "/chat", *headers))
            head = read_response(program)
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"\r\nUpgrade: websocket\r\n" in head
            for said in (b"hello", b"http://bank.test/ HTTP/1.1\r\n\r\n"):
                program.sendall(said)
                assert readers.read_exactly(program, len(said)) == said.upper()
            program.shutdown(socket.SHUT_WR)
            assert read_all(program) == b""

    async with playing(lambda asked: switch.encode() if asked.path == "/chat" else ok()) as site:
        await running.call(use, site.port)
        assert "\r\nUpgrade: websocket\r\n" in site.asked[-1].head


async def test_a_websocket_that_is_refused_leaves_the_program_where_it_was(running: RunningProxy) -> None:
    def use(proxy: str, port: int) -> None:
        with dial(proxy) as program:
            program.sendall(request(port, "/chat", "Connection: Upgrade", "Upgrade: websocket"))
            assert read_response(program).startswith(b"HTTP/1.1 403 ")
            assert ask(program, request(port)) == [b"ok"]

    refusal = b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
    async with playing(lambda asked: refusal if asked.path == "/chat" else ok()) as site:
        await running.call(use, site.port)
        assert site.connections == 1
