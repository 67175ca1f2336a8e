"""Connections to a host are bounded and shared, from the moment in which the system hands one over."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from freespan.api.accepting import Tls, _Tls
from freespan.api.connections import ConnectionLimits, Connections
from freespan.api.listening import listening
from freespan.demo.certificates import DemoAuthority
from freespan.link.turns import Turns
from freespan.sources.rate import Rate
from freespan.sources.requests import SourceReader

SECONDS = 20.0
HEADER = "X-Forwarded-For"
LIMITS = ConnectionLimits(most=16, each=2)
LARGE = 24_000_000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Lab:
    """A host with one page, and clients with addresses of their own."""

    def __init__(self, connections: Connections, port: int) -> None:
        self.connections = connections
        self._port = port
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Streams:
        name = "host.test" if tls else None
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(address, 0), ssl=tls, server_hostname=name
        )
        self._open.append(writer)
        return reader, writer

    async def hold(self, count: int, address: str) -> list[Streams]:
        """Connections that say nothing."""
        held = []
        for _ in range(count):
            before = self.connections.accepted
            held.append(await self.connect(address))
            await self.until(lambda before=before: self.connections.accepted > before)
        return held

    async def get(self, streams: Streams, path: str = "/", **headers: str) -> bytes:
        lines = [f"GET {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items())]
        streams[1].write("\r\n".join([*lines, "", ""]).encode())
        return await streams[0].readuntil(b"ok")

    async def serves(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        assert (await self.get(await self.connect(address, tls))).startswith(b"HTTP/1.1 200 OK")

    async def until(self, condition: object) -> None:
        assert callable(condition)
        while not condition():
            await asyncio.sleep(0.005)

    def close(self) -> None:
        for writer in self._open:
            writer.transport.abort()


async def answer(request: web.Request) -> web.StreamResponse:
    return web.Response(text=request.query.get("fill", "") + "ok")


async def large(request: web.Request) -> web.StreamResponse:
    return web.Response(body=bytes(LARGE))


@contextlib.asynccontextmanager
async def lab_with(
    limits: ConnectionLimits = LIMITS, tls: ssl.SSLContext | None = None, header: str = ""
) -> AsyncIterator[Lab]:
    app = web.Application()
    app.add_routes([web.get("/", answer), web.get("/large", large)])
    connections = Connections(SourceReader(header), limits, turns=Turns())
    async with (
        asyncio.timeout(SECONDS),
        listening(app, "127.0.0.1", 0, Tls(tls) if tls else None, connections=connections) as port,
    ):
        lab = Lab(connections, port)
        yield lab
        lab.close()
    assert len(connections) == 0


async def was_cut(streams: Streams) -> bool:
    """Whether the host has cut a connection on which it has nothing to say."""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(0.05):
            return await streams[0].read() == b""
    return streams[0].at_eof() or streams[0].exception() is not None


ATTACKER, READER = "127.0.0.66", "127.0.1.1"


async def test_silent_connections_of_one_address_keep_nobody_out_and_push_nobody_out() -> None:
    async with lab_with() as lab:
        early = await lab.connect(READER)
        held = await lab.hold(40, ATTACKER)
        assert len(lab.connections) == 14  # the rest is for newcomers
        for number in range(2, 6):
            await lab.serves(f"127.0.{number}.1")
        assert (await lab.get(early)).startswith(b"HTTP/1.1 200 OK")
        cut = [await was_cut(streams) for streams in held]
        assert not any(cut[:5])  # the newest were cut
        assert all(cut[-20:])


async def test_connections_that_never_end_their_tls_handshake_count_too(tmp_path: Path) -> None:
    authority = DemoAuthority(tmp_path)
    client = authority.client_context()
    async with lab_with(tls=authority.server_context("host.test")) as lab:
        held = await lab.hold(20, ATTACKER)
        for streams in held[:3]:
            streams[1].write(b"\x16\x03\x01")  # and half a record
        assert len(lab.connections) == 14
        for number in range(1, 4):
            await lab.serves(f"127.0.{number}.1", client)
        assert len(lab.connections) <= 16


async def test_a_tls_handshake_has_a_limit(tmp_path: Path) -> None:
    limits = ConnectionLimits(tls_handshake=0.1)
    async with lab_with(limits, DemoAuthority(tmp_path).server_context("host.test")) as lab:
        (streams,) = await lab.hold(1, ATTACKER)
        with contextlib.suppress(ConnectionError):
            assert await streams[0].read() == b""
        await lab.until(lambda: not len(lab.connections))


async def test_tls_handshakes_take_turns_by_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    begin = _Tls.connection_made

    def noted(protocol: _Tls, transport: Any) -> None:
        order.append(transport.get_extra_info("peername")[0])
        begin(protocol, transport)

    monkeypatch.setattr(_Tls, "connection_made", noted)
    authority = DemoAuthority(tmp_path)
    async with lab_with(ConnectionLimits(), authority.server_context("host.test")) as lab:
        await asyncio.gather(*(lab.connect(ATTACKER) for _ in range(100)), lab.connect(READER))
        await lab.until(lambda: len(order) == 101)
        assert order.index(READER) < 80  # it was accepted last, or nearly
        await lab.serves(READER, authority.client_context())


async def test_connections_that_come_too_fast_are_cut() -> None:
    limits = ConnectionLimits(opened=Rate(per_second=0.001, burst=5))
    async with lab_with(limits) as lab:
        await lab.hold(8, ATTACKER)
        await lab.until(lambda: len(lab.connections) == 5)
        await lab.serves(READER)


async def test_nothing_is_made_for_connections_that_come_too_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    original = asyncio.SelectorEventLoop._make_socket_transport  # type: ignore[attr-defined]

    def make(loop: asyncio.SelectorEventLoop, sock: socket.socket, *arguments: object, **more: object) -> object:
        if sock.getpeername()[0] == ATTACKER:
            made.append(sock)
        return original(loop, sock, *arguments, **more)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "_make_socket_transport", make)
    async with lab_with(ConnectionLimits(opened=Rate(per_second=0.001, burst=5))) as lab:
        await lab.hold(100, ATTACKER)
        await lab.until(lambda: lab.connections.accepted == 100)
        await lab.serves(READER)
        assert len(made) == 5


async def test_requests_that_come_too_fast_wait_and_delay_nobody_else() -> None:
    limits = ConnectionLimits(requests=Rate(per_second=0.5, burst=3), patience=3.0)
    async with lab_with(limits) as lab:
        flood = await lab.connect(ATTACKER)
        for _ in range(3):
            await lab.get(flood)
        waiting = asyncio.create_task(lab.get(flood), name="the fourth")
        await lab.serves(READER)
        assert not waiting.done()
        too_many = await lab.connect(ATTACKER)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await lab.get(too_many)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_clients_that_do_not_read_are_cut_and_the_greediest_first() -> None:
    """The kernel takes some megabytes of each response; what it does not take is held by the host."""
    async with lab_with(ConnectionLimits(unsent=2 * LARGE)) as lab:
        modest = await lab.connect(READER)
        greedy = [await lab.connect(ATTACKER) for _ in range(4)]
        for streams in (modest, *greedy):
            streams[1].write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await lab.until(lambda: len(lab.connections) == 5)
        await lab.until(lambda: len(lab.connections) < 5)
        await modest[0].readuntil(b"\r\n\r\n")
        assert len(await modest[0].readexactly(LARGE)) == LARGE


async def test_behind_a_named_proxy_a_connection_is_that_of_its_client() -> None:
    async with lab_with(header=HEADER) as lab:
        readers = [await lab.connect() for _ in range(4)]
        for number, streams in enumerate(readers):
            await lab.get(streams, **{HEADER: f"8.8.{number}.8"})
        for _ in range(20):
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await lab.get(await lab.connect(), **{HEADER: "9.9.9.9"})
        for number, streams in enumerate(readers):
            await lab.get(streams, **{HEADER: f"8.8.{number}.8"})


async def test_a_host_that_stops_leaves_no_connection(tmp_path: Path) -> None:
    async with lab_with(tls=DemoAuthority(tmp_path).server_context("host.test")) as lab:
        held = await lab.hold(3, ATTACKER)
    for streams in held:
        assert await was_cut(streams)


async def test_of_unfinished_heads_those_of_the_greediest_are_cut() -> None:
    async with lab_with(ConnectionLimits(unfinished=40_000)) as lab:
        reader = await lab.connect(READER)
        reader[1].write(b"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + bytes(4_000).replace(b"\0", b"a") + b"\r\n")
        for held in [await lab.connect(ATTACKER) for _ in range(8)]:
            held[1].write(b"GET / HTTP/1.1\r\nHost: x\r\n" + 3 * (b"X: " + bytes(4_000).replace(b"\0", b"a") + b"\r\n"))
        await lab.until(lambda: lab.connections.accepted == 9 and len(lab.connections) < 5)
        assert lab.connections._unfinished <= 40_000
        reader[1].write(b"\r\n")
        assert (await reader[0].readuntil(b"ok")).startswith(b"HTTP/1.1 200 OK")
        await lab.until(lambda: lab.connections._unfinished <= 36_000)
