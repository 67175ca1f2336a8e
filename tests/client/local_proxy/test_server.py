"""The local proxy as programs use it: HTTP and SOCKS on one port, good manners and bad ones."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import logging
import socket
from typing import Any

import pytest

from freespan.client.client import Client
from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.repair import HEAD_MAX
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.settings import ClientSettings
from freespan.demo.payload import sha256_of
from freespan.egress import dialer
from freespan.egress.settings import EgressSettings
from freespan.tunnel.client import ClientTunnel
from freespan.wire.errors import InputError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.client.local_proxy.proxies import RunningProxy, running_proxy, session_with
from tests.support import readers
from tests.support.invites import invite_to
from tests.support.loopback import IPV6
from tests.support.site import SMALL, Site
from tests.support.whole_path import SECONDS

# --- HTTP ------------------------------------------------------------------------------------


async def test_absolute_form(running: RunningProxy, site: Site) -> None:
    reply = await running.call(readers.get, f"http://site.test:{site.port}/path?x=1&y=%20#fragment")
    assert (reply.status, reply.body) == (200, SMALL)
    assert site.paths[-1] == "/path?x=1&y=%20"
    assert site.hosts[-1] == f"site.test:{site.port}"


async def test_what_is_for_the_proxy_alone_stays_with_it(running: RunningProxy, site: Site) -> None:
    request = (
        f"GET http://user:secret@site.test:{site.port}/ HTTP/1.1\r\nHost: site.test\r\nProxy-Connection: keep-alive\r\n"
        "Proxy-Authorization: Basic c2VjcmV0\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\n\r\n"
    )
    assert readers.parse(await running.call(readers.exchange, request.encode())).status == 200
    head = site.heads[-1].lower()
    assert "x-yours: 2" in head
    assert "connection: close" in head
    assert not [word for word in ("proxy-", "x-mine", "secret", "keep-alive") if word in head]


async def test_a_body_goes_along(running: RunningProxy, site: Site) -> None:
    body = bytes(range(256)) * 20_000
    head = f"POST http://site.test:{site.port}/ HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    reply = readers.parse(await running.call(readers.exchange, head.encode() + body))
    assert reply.body.decode() == hashlib.sha256(body).hexdigest()


async def test_connect(running: RunningProxy, site: Site) -> None:
    def use(proxy: str) -> bytes:
        reply, connection = readers.connect(proxy, f"site.test:{site.port}")
        with connection:
            assert (reply.status, reply.body) == (200, b"")
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\nHost: b\r\n\r\n")
            return readers.read_all(connection)

    assert (await running.call(use)).count(SMALL) == 2


async def test_connect_with_the_first_bytes_behind_it(running: RunningProxy, site: Site) -> None:
    request = f"CONNECT site.test:{site.port} HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n".encode()
    answer = await running.call(readers.exchange, request)
    assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")


async def test_a_program_that_keeps_its_connections(running: RunningProxy, site: Site) -> None:
    def use(proxy: str) -> list[bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=SECONDS)
        bodies = []
        for _ in range(3):
            connection.request("GET", f"http://site.test:{site.port}/", headers={"Connection": "keep-alive"})
            bodies.append(connection.getresponse().read())
        connection.close()
        return bodies

    assert await running.call(use) == [SMALL] * 3


async def test_a_request_byte_by_byte(running: RunningProxy, site: Site) -> None:
    def use(proxy: str) -> bytes:
        with readers.dial(proxy) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in f"GET http://site.test:{site.port}/ HTTP/1.0\r\n\r\n".encode():
                connection.sendall(bytes([byte]))
            return readers.read_all(connection)

    assert (await running.call(use)).endswith(SMALL)


async def test_an_end_of_one_direction_leaves_the_other(running: RunningProxy, site: Site) -> None:
    def use(proxy: str) -> bytes:
        _, connection = readers.connect(proxy, f"site.test:{site.port}")
        with connection:
            connection.sendall(b"GET /file?bytes=2000000 HTTP/1.0\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            return readers.read_all(connection).partition(b"\r\n\r\n")[2]

    assert hashlib.sha256(await running.call(use)).hexdigest() == sha256_of(2_000_000)


# --- SOCKS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["site.test", "127.0.0.1", "::1"])
async def test_socks_with_a_name_and_with_addresses(running: RunningProxy, host: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello from " + await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "::1" if host == "::1" else "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def use(proxy: str) -> tuple[int, bytes]:
        code, connection = readers.socks(proxy, Target(host, port))
        with connection:
            connection.sendall(b"inside\n")
            return code, readers.read_all(connection)

    async with server:
        assert await running.call(use) == (0, b"hello from inside\n")


# --- destinations that cannot be reached -----------------------------------------------------


async def both(running: RunningProxy, target: Target, status: int, error: str, socks_code: int, sentence: str) -> None:
    """HTTP, CONNECT and SOCKS are told the same, each in its words."""
    error, _, rule = error.partition("/")
    if rule:
        error += f'; details="{rule}"'
    reply = await running.call(readers.get, f"http://{target}/")
    assert (reply.status, reply.header("Proxy-Status")) == (status, f"freespan; error={error}")
    assert reply.header("Content-Type") == "application/problem+json"
    assert sentence.encode() in reply.body
    reply, connection = await running.call(readers.connect, str(target))
    connection.close()
    assert (reply.status, reply.header("Proxy-Status")) == (status, f"freespan; error={error}")
    code, connection = await running.call(readers.socks, target)
    connection.close()
    assert code == socks_code


async def test_a_destination_that_refuses(running: RunningProxy, site: Site) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        target = Target("site.test", bound.getsockname()[1])
        await both(running, target, 502, "connection_refused", 5, "the site refused the connection")
    await running.still_serves(site)


async def test_a_destination_that_does_not_resolve(
    running: RunningProxy, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = socket.getaddrinfo

    def unknown(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "nobody.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return ask(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    await both(running, Target("nobody.example", 80), 502, "dns_error", 4, "could not be resolved")
    await running.still_serves(site)


async def test_a_destination_that_is_forbidden(running: RunningProxy, site: Site) -> None:
    await both(
        running, Target("site.test", 25), 403, "http_request_denied/port", 2, "opens no connections to this port"
    )
    await running.still_serves(site)


async def test_a_refusal_is_a_line_of_the_log_too_since_socks_has_but_a_number(
    running: RunningProxy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "freespan"):
        code, connection = await running.call(readers.socks, Target("site.test", 25))
        connection.close()
    assert code == 2
    assert "a connection was not opened: the host opens no connections to this port" in caplog.messages


async def never(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def test_a_destination_that_does_not_answer(
    running: RunningProxy, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session_with(EgressSettings(dial_seconds=0.05)) as session, running_proxy(session) as impatient:
        with monkeypatch.context() as patch:
            patch.setattr(dialer, "start_connection", never)
            await both(impatient, Target("site.test", 80), 504, "connection_timeout", 6, "did not answer in time")
    await running.still_serves(site)


async def test_an_egress_that_does_not_answer(
    session: ClientTunnel, running: RunningProxy, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_proxy(session, ClientSettings(stream_open_seconds=0.05)) as impatient:
        with monkeypatch.context() as patch:
            patch.setattr(dialer, "start_connection", never)
            await both(impatient, Target("site.test", 80), 504, "connection_timeout", 6, "did not answer in time")
    await running.still_serves(site)


async def test_no_session(running: RunningProxy, site: Site) -> None:
    running.client.has_session = False
    await both(running, Target("site.test", 80), 503, "destination_unavailable", 1, "no session is open right now")
    running.client.has_session = True
    await running.still_serves(site)


# --- programs with bad manners ---------------------------------------------------------------

NONSENSE: dict[str, tuple[bytes, int]] = {
    "https by GET": (b"GET https://site.test/ HTTP/1.1\r\n\r\n", 400),
    "another scheme": (b"GET ftp://site.test/ HTTP/1.1\r\n\r\n", 400),
    "no host": (b"GET http:/// HTTP/1.1\r\n\r\n", 400),
    "port 0": (b"CONNECT site.test:0 HTTP/1.1\r\n\r\n", 400),
    "port too high": (b"CONNECT site.test:65536 HTTP/1.1\r\n\r\n", 400),
    "no port": (b"CONNECT site.test HTTP/1.1\r\n\r\n", 400),
    "a name that is none": (b"CONNECT -_-.:80 HTTP/1.1\r\n\r\n", 400),
    "no letters": (b"CONNECT b\xffcher.example:80 HTTP/1.1\r\n\r\n", 400),
    "ws by GET": (b"GET ws://site.test/ HTTP/1.1\r\n\r\n", 400),
    "lengths that differ": (b"PUT http://site.test/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    "a length and chunks": (
        b"PUT http://site.test/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
        400,
    ),
    "chunks that are none": (b"PUT http://site.test/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "header without colon": (b"GET http://site.test/ HTTP/1.1\r\nnonsense\r\n\r\n", 400),
    "white space before the colon": (b"GET http://site.test/ HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "folded header": (b"GET http://site.test/ HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
    "a long head": (b"GET http://site.test/ HTTP/1.1\r\nA: " + b"b" * HEAD_MAX, 431),
    "a head without end": (b"GET http://site.test/" + b"a" * HEAD_MAX, 431),
}


@pytest.mark.parametrize(("sent", "status"), NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_gets_a_problem(running: RunningProxy, site: Site, sent: bytes, status: int) -> None:
    reply = readers.parse(await running.call(readers.exchange, sent))
    assert (reply.status, reply.header("Content-Type")) == (status, "application/problem+json")
    assert reply.header("Connection") == "close"
    await running.still_serves(site)


TO_NO_PROXY: dict[str, bytes] = {
    "origin-form": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a long body": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000),
    "a preflight": b"OPTIONS / HTTP/1.1\r\nAccess-Control-Request-Private-Network: true\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303"),
    "bytes": bytes(range(1, 4)),
    "a word": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("sent", TO_NO_PROXY.values(), ids=TO_NO_PROXY.keys())
async def test_who_asks_no_proxy_is_reset_without_a_byte(running: RunningProxy, site: Site, sent: bytes) -> None:
    """That is as near to a closed port as a program can come."""

    def use(proxy: str) -> None:
        with readers.dial(proxy) as connection, pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(sent)
            assert connection.recv(1) == b"a reset"

    await running.call(use)
    await running.until_idle()
    await running.still_serves(site)


async def test_a_page_is_refused_by_a_reset_and_told_nothing(running: RunningProxy, site: Site) -> None:
    """Its browser has the proxy set, so that the page sees what it would see without one."""
    head = "User-Agent: Mozilla/5.0 Chrome/156.0.0.0\r\n"

    def use(proxy: str, url: str, more: str) -> bytes:
        connection = "Connection: close\r\n"
        return readers.exchange(proxy, f"GET {url} HTTP/1.1\r\n{connection}{head}{more}\r\n".encode())

    refused = "http://site.test:25/"
    with pytest.raises(ConnectionResetError):
        await running.call(use, refused, "")
    assert (await running.call(use, refused, "Upgrade-Insecure-Requests: 1\r\n")).startswith(b"HTTP/1.1 403 ")
    assert (await running.call(use, f"http://site.test:{site.port}/", "")).endswith(SMALL)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_a_host_on_the_open_internet_is_not_asked_for_this_machine(host: str) -> None:
    """Neither its own loopback nor this machine's answers: both would tell a page that a proxy is in use."""
    client = Client(invite_to("https://host.example", bytes(32)), lambda _: None)
    proxy = LocalProxy(client)
    address = f"127.0.0.1:{await proxy.start(0)}"
    try:
        reply = await asyncio.to_thread(readers.get, address, f"http://{host}/")
        assert (reply.status, reply.header("Proxy-Status")) == (403, "freespan; error=destination_ip_prohibited")
    finally:
        await proxy.stop()


SOCKS_GREETINGS: dict[str, tuple[bytes, bytes]] = {
    "4a": (b"\x04\x01%b\0\0\0\1reader\0site.test\0", b"\0\x5a" + bytes(6)),
    "5 with a password only": (
        b"\x05\x01\x02\x01\x01u\x01p\x05\x01\0\x03\x09site.test%b",
        b"\x05\x02\x01\0\x05\0\0\x01" + bytes(6),
    ),
    "5 with a NUL behind the name": (b"\x05\x01\0\x05\x01\0\x03\x0bSITE.test.\0%b", b"\x05\0\x05\0\0\x01" + bytes(6)),
}


@pytest.mark.parametrize(("greeting", "granted"), SOCKS_GREETINGS.values(), ids=SOCKS_GREETINGS.keys())
async def test_each_way_of_socks_leads_to_the_site(
    running: RunningProxy, site: Site, greeting: bytes, granted: bytes
) -> None:
    """All at once, as programs may that know what the answer will be."""
    sent = greeting % site.port.to_bytes(2, "big") + b"GET / HTTP/1.0\r\n\r\n"
    answer = await running.call(readers.exchange, sent)
    assert answer.startswith(granted + b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(SMALL)


SOCKS_NONSENSE: dict[str, tuple[bytes, bytes]] = {
    "BIND of SOCKS 4": (b"\x04\x02\x00\x50\x7f\x00\x00\x01\x00", b"\x00\x5b" + bytes(6)),
    "no name in SOCKS 4a": (b"\x04\x01\x00\x50\x00\x00\x00\x01\x00\x00", b"\x00\x5b" + bytes(6)),
    "with a login of Kerberos only": (b"\x05\x01\x01", b"\x05\xff"),
    "no method": (b"\x05\x00", b"\x05\xff"),
    "BIND": (b"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x00\x05\x07\x00\x01" + bytes(6)),
    "UDP": (b"\x05\x01\x00\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50", b"\x05\x00\x05\x07\x00\x01" + bytes(6)),
    "another kind of address": (b"\x05\x01\x00\x05\x01\x00\x02\x7f", b"\x05\x00\x05\x08\x00\x01" + bytes(6)),
    "a name that is none": (b"\x05\x01\x00\x05\x01\x00\x03\x03a b\x00\x50", b"\x05\x00\x05\x04\x00\x01" + bytes(6)),
    "port 0": (b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x00", b"\x05\x00\x05\x05\x00\x01" + bytes(6)),
    "another version": (
        b"\x05\x01\x00\x04\x01\x00\x01\x7f\x00\x00\x01\x00\x50",
        b"\x05\x00\x05\x01\x00\x01" + bytes(6),
    ),
}


@pytest.mark.parametrize(("sent", "reply"), SOCKS_NONSENSE.values(), ids=SOCKS_NONSENSE.keys())
async def test_socks_nonsense_gets_its_reply(running: RunningProxy, site: Site, sent: bytes, reply: bytes) -> None:
    assert await running.call(readers.exchange, sent) == reply
    await running.still_serves(site)


MIDDLES: dict[str, bytes] = {
    "nothing": b"",
    "half a request line": b"GET http://site",
    "half a head": b"GET http://site.test/ HTTP/1.1\r\nHost:",
    "half a greeting": b"\x05\x02\x00",
    "a greeting": b"\x05\x01\x00",
    "half a SOCKS request": b"\x05\x01\x00\x05\x01\x00\x03\x09site",
}


@pytest.mark.parametrize("sent", MIDDLES.values(), ids=MIDDLES.keys())
async def test_who_stops_in_the_middle_and_waits_is_given_up(
    session: ClientTunnel, running: RunningProxy, site: Site, sent: bytes
) -> None:
    async with running_proxy(session, ClientSettings(proxy_request_seconds=0.1)) as impatient:
        answer = await impatient.call(readers.exchange, sent)
        assert answer in (b"", b"\x05\x00")
        await impatient.until_idle()
    await running.still_serves(site)


@pytest.mark.parametrize("sent", MIDDLES.values(), ids=MIDDLES.keys())
@pytest.mark.parametrize("politely", [True, False], ids=["politely", "with a reset"])
async def test_who_leaves_in_the_middle_leaves_nothing(
    running: RunningProxy, site: Site, sent: bytes, politely: bool
) -> None:
    with await running.call(readers.dial) as connection:
        connection.sendall(sent)
        if not politely:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    await running.until_idle()
    await running.still_serves(site)


async def test_who_leaves_in_the_middle_of_a_download_leaves_nothing(running: RunningProxy, site: Site) -> None:
    site.broken.clear()

    def use(proxy: str) -> None:
        _, connection = readers.connect(proxy, f"site.test:{site.port}")
        with connection:
            connection.sendall(b"GET /file?bytes=500000000 HTTP/1.0\r\n\r\n")
            readers.read_exactly(connection, 1_000_000)

    await running.call(use)
    await running.until_idle()
    await running.still_serves(site)
    assert await asyncio.to_thread(site.broken.wait, SECONDS), "the site was told that nobody reads on"


async def test_a_site_that_breaks_off_is_told_as_such(running: RunningProxy) -> None:
    """Half an answer must not look like a whole one."""

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"half")
        await writer.drain()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()

    server = await asyncio.start_server(break_off, "127.0.0.1", 0)

    def use(proxy: str) -> bytes:
        _, connection = readers.connect(proxy, f"site.test:{server.sockets[0].getsockname()[1]}")
        with connection:
            connection.sendall(b"x\n")
            return readers.read_all(connection)

    async with server:
        with pytest.raises(ConnectionResetError):
            await running.call(use)


# --- who may use it --------------------------------------------------------------------------


async def test_whoever_knows_the_password_may_use_it(session: ClientTunnel, site: Site) -> None:
    async with running_proxy(session, credentials=Credentials("reader", "secret")) as running:

        def by_http(proxy: str, user: str) -> int:
            token = base64.b64encode(f"{user}:secret".encode()).decode()
            head = f"GET http://site.test:{site.port}/ HTTP/1.0\r\nProxy-Authorization: Basic {token}\r\n\r\n"
            return readers.parse(readers.exchange(proxy, head.encode())).status

        def by_socks(proxy: str, password: bytes) -> bytes:
            with readers.dial(proxy) as connection:
                connection.sendall(b"\x05\x01\x02\x01\x06reader" + bytes((len(password),)) + password)
                target = readers.socks_address("site.test") + site.port.to_bytes(2, "big")
                connection.sendall(b"\x05\x01\x00" + target + b"GET / HTTP/1.0\r\n\r\n")
                return readers.read_all(connection)

        assert await running.call(by_http, "reader") == 200
        assert await running.call(by_http, "somebody") == 407
        assert (await running.call(by_socks, b"secret")).startswith(b"\x05\x02\x01\x00\x05\x00\x00\x01")
        assert await running.call(by_socks, b"wrong") == b"\x05\x02\x01\x01"
        assert (await running.call(readers.get, f"http://site.test:{site.port}/")).status == 407


# --- bounds ----------------------------------------------------------------------------------


async def test_only_this_machine_may_use_it(running: RunningProxy) -> None:
    assert set(running.proxy.addresses) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError):
        await asyncio.to_thread(socket.create_connection, ("127.0.0.2", running.port), 2)


@IPV6
@pytest.mark.parametrize("host", ["localhost", "[::1]"])
async def test_programs_find_it_by_either_family(running: RunningProxy, site: Site, host: str) -> None:
    proxy = f"{host}:{running.port}"
    reply = await asyncio.to_thread(readers.get, proxy, f"http://site.test:{site.port}/")
    assert reply.body == SMALL
    code, connection = await asyncio.to_thread(readers.socks, proxy, Target("site.test", site.port))
    connection.close()
    assert code == 0
    await running.still_serves(site)


async def test_more_connections_than_allowed(session: ClientTunnel, site: Site) -> None:
    async with running_proxy(session, ClientSettings(proxy_connections_max=2)) as running:
        await more_than_two_connections(running, site)


async def more_than_two_connections(running: RunningProxy, site: Site) -> None:
    held = [await running.call(readers.dial) for _ in range(2)]
    try:
        async with asyncio.timeout(SECONDS):
            while running.proxy.connections < 2:
                await asyncio.sleep(0.005)
        assert await running.call(readers.exchange, b"") == b""
        await one_too_many_is_told_why(running, site)
        held.pop().close()
        async with asyncio.timeout(SECONDS):
            while running.proxy.connections > 1:
                await asyncio.sleep(0.005)
        await running.still_serves(site)
    finally:
        for connection in held:
            connection.close()


async def one_too_many_is_told_why(running: RunningProxy, site: Site) -> None:
    reason = ProxyStatus("connection_limit_reached", "programs")
    for request in (
        f"CONNECT site.test:{site.port} HTTP/1.1\r\n\r\n",
        f"GET http://site.test:{site.port}/ HTTP/1.1\r\nHost: site.test\r\n\r\n",
        f"POST http://site.test:{site.port}/ HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi",
    ):
        reply = readers.parse(await running.call(readers.exchange, request.encode()))
        assert (reply.status, reply.header("proxy-status")) == (503, reason.header())
        assert reason.sentence().encode() in reply.body
    greeting, request_by_name = b"\x05\x01\x00", b"\x05\x01\x00\x03\x09site.test\x00\x50"
    assert (await running.call(readers.exchange, greeting + request_by_name))[:4] == b"\x05\x00\x05\x02"
    assert running.proxy.connections <= 3


async def test_a_port_in_use(running: RunningProxy) -> None:
    with pytest.raises(InputError) as caught:
        await LocalProxy(running.client).start(running.port)
    assert str(caught.value) == f"port: {running.port}: address already in use; choose another one"


async def test_stopping_closes_everything(running: RunningProxy, site: Site) -> None:
    site.hold.clear()

    def hold(proxy: str) -> socket.socket:
        _, connection = readers.connect(proxy, f"site.test:{site.port}")
        connection.sendall(b"GET /held HTTP/1.0\r\n\r\n")
        readers.read_exactly(connection, 1)
        return connection

    with await running.call(hold) as connection:
        await running.proxy.stop()
        with pytest.raises(ConnectionResetError):  # not an end, which would look like the whole
            await asyncio.to_thread(readers.read_all, connection)
    assert running.proxy.connections == 0
    with pytest.raises(ConnectionRefusedError):
        await running.call(readers.dial)
    site.hold.set()


async def test_what_is_counted(running: RunningProxy, site: Site) -> None:
    await running.call(readers.get, f"http://site.test:{site.port}/file?bytes=100000")
    await running.until_idle()
    assert running.proxy.received > 100_000
    assert running.proxy.connections == 0
