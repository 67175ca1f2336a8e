"""All the streams that a session may have, as a browser has them whose pages wait for news."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from freespan.egress.session import EgressSession
from freespan.egress.settings import EgressSettings
from freespan.sources.rate import Rate
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import STREAMS_MAX
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.egress.conftest import Lab, lab_with
from tests.support.site import SMALL, Site
from tests.support.whole_path import SECONDS, ask

UNHURRIED = EgressSettings(connections_to_one=Rate(per_second=1_000.0, burst=5_000))
WINDOWS = TunnelSettings()
STANDING = 160
"""More than those for which the bounds of one stream are the full ones."""


@contextlib.asynccontextmanager
async def endless_site() -> AsyncIterator[Target]:
    """It sends as long as anybody takes it, and reads nothing."""
    tasks: set[asyncio.Task[None]] = set()

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            while True:
                writer.write(bytes(65_536))
                await writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(send, "127.0.0.1", 0, backlog=STREAMS_MAX)
    try:
        yield Target("site.test", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def only_session(lab: Lab) -> EgressSession:
    (session,) = lab.host.egress._sessions._by_id.values()
    return session


async def fill_places(session: ClientTunnel, target: Target, count: int) -> list[TunnelStream]:
    return await asyncio.gather(*(session.connect(target) for _ in range(count)))


@pytest.mark.timeout(120)
async def test_downloads_that_nobody_reads_stand_still_and_the_next_stream_serves(site: Site) -> None:
    async with lab_with(UNHURRIED) as lab, lab.session() as session, endless_site() as target:
        standing = await fill_places(session, target, STANDING)
        async with asyncio.timeout(SECONDS):
            while any(one.unread < one.window.size - 1_000 for one in standing):
                await asyncio.sleep(0.02)
        assert sum(one.unread for one in standing) <= WINDOWS.session_window
        assert sum(one.unread for one in standing) >= STANDING * (WINDOWS.stream_window - 1_000)
        for _ in range(3):
            assert (await ask(session, site.port)).endswith(SMALL)
        at_egress = only_session(lab)
        assert at_egress.held < UNHURRIED.session_held_max / 2
        assert at_egress.tunnel.are_streams_many
        for one in standing:
            session.release(one)


async def test_uploads_that_a_site_does_not_read_stand_still_and_the_next_stream_serves(site: Site) -> None:
    async with lab_with(UNHURRIED) as lab, lab.session() as session, endless_site() as target:
        standing = await fill_places(session, target, STANDING)
        writing = [asyncio.create_task(write_endlessly(one), name="test-write") for one in standing]
        before = -1
        async with asyncio.timeout(SECONDS):
            while (held := only_session(lab).held) > before:
                before = held
                await asyncio.sleep(0.3)
        assert held < UNHURRIED.session_held_max
        assert (await ask(session, site.port)).endswith(SMALL)
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)


async def write_endlessly(stream: TunnelStream) -> None:
    while True:
        await stream.write(bytes(65_536))


@pytest.mark.parametrize(
    ("settings", "count", "rule"),
    [
        (EgressSettings(dials_max=1), 3, "crowded"),
        (EgressSettings(sockets_max=2), 4, "crowded"),
        (EgressSettings(connections=Rate(per_second=0.01, burst=2)), 4, "connections"),
        (EgressSettings(connections_to_one=Rate(per_second=0.01, burst=2)), 4, "destination"),
    ],
    ids=["being opened", "open", "new", "new to one"],
)
async def test_each_bound_of_the_egress_says_its_own_reason(settings: EgressSettings, count: int, rule: str) -> None:
    async with lab_with(settings) as lab, lab.session() as session, endless_site() as target:
        outcomes = await asyncio.gather(*(session.connect(target) for _ in range(count)), return_exceptions=True)
        refusals = {one.status for one in outcomes if isinstance(one, StreamError)}
        assert refusals == {ProxyStatus("connection_limit_reached", rule)}
