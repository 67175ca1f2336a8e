"""Connections that ask for nothing, and those that must not be taken for such."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from freespan.cli import quiet_connections
from freespan.cli.quiet_connections import QuietConnections

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

    async def say(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        return reader, writer

    async def is_cut(self, data: bytes) -> None:
        reader, writer = await self.say(data)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    for name, seconds in (("_FIRST_HEAD_SECONDS", 0.1), ("_LOOK_SECONDS", 0.02)):
        monkeypatch.setattr(quiet_connections, name, seconds)
    lab, quiet = Lab(), QuietConnections()
    app = web.Application(middlewares=[quiet.note_request])
    app.add_routes([web.get("/", lab.answer)])
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    lab.port = runner.addresses[0][1]
    assert runner.server is not None
    watching = asyncio.create_task(quiet.watch(runner.server), name="watching")
    async with asyncio.timeout(SECONDS):
        yield lab
    watching.cancel()
    await runner.cleanup()


@pytest.mark.parametrize("said", [b"", b"GET / HT", ASK[:-2]], ids=["nothing", "half a line", "half a head"])
async def test_who_does_not_ask_is_cut(lab: Lab, said: bytes) -> None:
    await lab.is_cut(said)


async def test_who_waits_for_an_answer_is_not(lab: Lab) -> None:
    reader, writer = await lab.say(ASK)
    await lab.asked.wait()
    await lab.is_cut(b"")  # so much time has passed
    lab.go_on.set()
    assert (await reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_a_connection_is_kept_for_its_next_request(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.go_on.set()
    reader, writer = await lab.say(ASK)
    await reader.readuntil(b"ok")
    await lab.is_cut(b"")
    writer.write(ASK)
    await reader.readuntil(b"ok")
    monkeypatch.setattr(quiet_connections, "_NEXT_HEAD_SECONDS", 0.1)
    writer.write(ASK)
    await reader.readuntil(b"ok")
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""  # but not for ever
    writer.close()
