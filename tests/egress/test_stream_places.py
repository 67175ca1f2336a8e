"""Streams of one session, or of many sessions of one source, leave sockets and dials to others."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohappyeyeballs
import pytest

from freespan.egress import dialer
from freespan.egress.settings import EgressSettings
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.target import Target
from tests.egress.conftest import lab_with
from tests.support.site import SMALL, Site
from tests.support.whole_path import SECONDS, ask

LIMIT = "connection_limit_reached"


@contextlib.asynccontextmanager
async def patient_target() -> AsyncIterator[Target]:
    """It takes every connection and says nothing."""
    connections: set[asyncio.StreamWriter] = set()

    async def keep(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)

    listener = await asyncio.start_server(keep, "127.0.0.1", 0)
    async with listener:
        yield Target("site.test", listener.sockets[0].getsockname()[1])
        for writer in connections:
            writer.close()


async def outcome(session: ClientTunnel, target: Target) -> TunnelStream | str:
    try:
        return await session.connect(target)
    except StreamError as error:
        return error.status.error


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def test_streams_of_nine_sessions_leave_sockets_to_newcomers(site: Site) -> None:
    async with (
        lab_with(EgressSettings(sockets_max=64, streams_each=2)) as lab,
        patient_target() as target,
        contextlib.AsyncExitStack() as stack,
    ):
        greedy = [await stack.enter_async_context(lab.session()) for _ in range(9)]
        held: list[TunnelStream | str] = []
        for session in greedy:
            held += await asyncio.gather(*(outcome(session, target) for _ in range(12)))
        assert lab.counters.figures().streams == 56  # the rest is for newcomers
        async with lab.session() as newcomer:
            for _ in range(3):
                assert (await ask(newcomer, site.port)).endswith(SMALL)
        first = held[0]
        assert isinstance(first, TunnelStream)
        await first.write(b"still open")
        assert 9 * 12 - 56 < lab.refused(LIMIT) <= 9 * 12 - 56 + 3
        for session in greedy:
            session.close()


async def test_a_stream_that_is_put_out_is_a_cut_and_no_end(site: Site) -> None:
    async with (
        lab_with(EgressSettings(sockets_max=8, streams_each=1)) as lab,
        patient_target() as target,
        lab.session() as greedy,
        lab.session() as other,
    ):
        streams = [await greedy.connect(target) for _ in range(7)]
        assert (await ask(other, site.port)).endswith(SMALL)
        with pytest.raises(StreamError):
            await asyncio.wait_for(streams[-1].read(), SECONDS)
        await streams[0].write(b"still open")
        greedy.close()


async def test_dials_that_hang_leave_dials_to_newcomers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    start_connection = aiohappyeyeballs.start_connection
    never = asyncio.Event()

    async def slow(infos: Any, **options: Any) -> socket.socket:
        if infos[0][4][1] == 9:
            await never.wait()
        return await start_connection(infos, **options)

    monkeypatch.setattr(dialer, "start_connection", slow)
    async with lab_with(EgressSettings(dials_max=16, streams_each=2)) as lab, lab.session() as greedy:
        dials = [asyncio.create_task(outcome(greedy, Target("site.test", 9)), name=f"dial {n}") for n in range(40)]
        await until(lambda: sum(dial.done() for dial in dials) == 26)
        assert {dial.result() for dial in dials if dial.done()} == {LIMIT}
        async with lab.session() as newcomer:
            assert (await ask(newcomer, site.port)).endswith(SMALL)
        greedy.close()
        await asyncio.gather(*dials)
