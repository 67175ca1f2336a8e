"""Connections that ask for nothing are closed, and no others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from freespan.api.idle_connections import IdleConnections, IdleTimes

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
async def running_lab(times: IdleTimes) -> AsyncIterator[Lab]:
    lab, idle = Lab(), IdleConnections(times)
    app = web.Application(middlewares=[idle.note_request])
    app.add_routes([web.get("/", lab.answer)])
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
