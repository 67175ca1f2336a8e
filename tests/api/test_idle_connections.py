"""Connections that ask for nothing are closed, and no others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from aiohttp import web

from freespan.api.connections import Connections
from freespan.api.idle_connections import IdleConnections, IdleTimes
from freespan.api.listening import listening
from freespan.sources.requests import SourceReader
from freespan.web.decoy_site import DecoySite

SECONDS = 20.0
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Lab:
    def __init__(self) -> None:
        self.port = 0
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.set()
        await self.go_on.wait()
        return web.Response(text="ok")

    async def send(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        return reader, writer

    async def is_closed(self, data: bytes) -> None:
        reader, writer = await self.send(data)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with running_lab(IdleTimes(first_head=0.1, check=0.02)) as lab:
        yield lab


@contextlib.asynccontextmanager
async def running_lab(times: IdleTimes, more: Iterable[web.RouteDef] = ()) -> AsyncIterator[Lab]:
    lab, idle = Lab(), IdleConnections(Connections(SourceReader()), times)
    app = web.Application(middlewares=[idle.note_request])
    app.add_routes([web.get("/", lab.answer), *more])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    lab.port = runner.addresses[0][1]
    assert runner.server is not None
    watching = asyncio.create_task(idle.watch(runner.server), name="watching")
    async with asyncio.timeout(SECONDS):
        yield lab
    watching.cancel()
    await runner.cleanup()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", ASK[:-2]], ids=["nothing", "half a line", "half a head"])
async def test_a_connection_without_a_request_is_closed(lab: Lab, sent: bytes) -> None:
    await lab.is_closed(sent)


async def test_a_connection_that_waits_for_its_response_is_not(lab: Lab) -> None:
    reader, writer = await lab.send(ASK)
    await lab.asked.wait()
    await lab.is_closed(b"")  # so much time has passed
    lab.go_on.set()
    assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_a_connection_is_kept_for_its_next_request(lab: Lab) -> None:
    lab.go_on.set()
    reader, writer = await lab.send(ASK)
    await reader.readuntil(b"ok")
    await lab.is_closed(b"")  # so much time has passed
    writer.write(ASK)
    await reader.readuntil(b"ok")
    writer.close()


async def test_but_not_for_ever() -> None:
    async with running_lab(IdleTimes(first_head=60.0, next_head=0.1, check=0.02)) as lab:
        lab.go_on.set()
        reader, writer = await lab.send(ASK)
        await reader.readuntil(b"ok")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


async def test_the_head_of_a_further_request_gets_no_more_time_than_the_first() -> None:
    """Every line of an unfinished head is kept, however slowly it comes."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    connections = Connections(SourceReader())
    times = IdleTimes(first_head=0.2, next_head=60.0, check=0.02)
    async with asyncio.timeout(SECONDS), listening(app, "127.0.0.1", 0, connections=connections, times=times) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASK)
        await reader.readuntil(b"ok")
        writer.write(ASK[:-2])
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(("slowest_read", "is_whole"), [(1e6, True), (1e9, False)])
async def test_a_response_must_be_read_at_some_speed(tmp_path: Path, *, slowest_read: float, is_whole: bool) -> None:
    """A large file gets the time that a slow reader needs for it, and no more."""
    (tmp_path / "film").write_bytes(bytes(24_000_000))
    times = IdleTimes(next_head=0.1, check=0.02, slowest_read=slowest_read)
    async with running_lab(times, DecoySite(tmp_path).routes()) as lab:
        lab.go_on.set()
        reader, writer = await lab.send(ASK.replace(b" / ", b" /film "))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.4)
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1_000_000):
                received += len(data)
                if received == 24_000_000:
                    break
        assert (received == 24_000_000) == is_whole
        writer.close()
