"""All the streams that a session may have stand still, in both directions: what is kept stays within its bounds."""

import asyncio

import pytest

from freespan.egress.settings import EgressSettings
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import CHUNK_SIZE, TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import STREAMS_MAX
from tests.support.tunnels import BondedEnds, bonded_session, site

SCALE = 8
"""All sizes are so many times smaller than usual, in proportion."""
USUAL = TunnelSettings()
SETTINGS = TunnelSettings(
    stream_window=USUAL.stream_window // SCALE,
    stream_window_first=USUAL.stream_window_first // SCALE,
    stream_window_max=USUAL.stream_window_max // SCALE,
    session_window=USUAL.session_window // SCALE,
    stream_unsent_max=USUAL.stream_unsent_max // SCALE,
    session_unsent_max=USUAL.session_unsent_max // SCALE,
)
STREAMS_COST = STREAMS_MAX * 15_000
"""Of objects, which are no smaller here."""


async def write_endlessly(stream: TunnelStream) -> None:
    try:
        while True:
            await stream.write(bytes(CHUNK_SIZE // SCALE))
    except StreamError:
        pass


async def writing(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    tunnel.accept(stream)
    await write_endlessly(stream)


def has_filled_its_windows(ends: BondedEnds, streams: list[TunnelStream]) -> bool:
    at_both = [*streams, *ends.server._streams.by_id.values()]
    return all(stream.unread > stream.window.size - 1_000 for stream in at_both)


@pytest.mark.timeout(120)
async def test_a_session_of_streams_that_all_stand_still_keeps_less_than_it_may() -> None:
    most = 0

    def measure() -> None:
        nonlocal most
        most = max(most, ends.server.held)

    async with bonded_session(writing, SETTINGS) as ends:
        ends.server.watch(measure)
        streams = await asyncio.gather(*(ends.client.connect(site("any")) for _ in range(STREAMS_MAX)))
        tasks = [asyncio.create_task(write_endlessly(stream), name="test-write") for stream in streams]
        async with asyncio.timeout(60):
            while not has_filled_its_windows(ends, streams):
                await asyncio.sleep(0.1)
        for table in (ends.client._streams, ends.server._streams):
            unread = sum(stream.unread for stream in table.by_id.values())
            assert STREAMS_MAX * (SETTINGS.stream_window - 1_000) < unread <= SETTINGS.session_window
        assert most - STREAMS_COST < (EgressSettings().session_held_max - STREAMS_COST) // SCALE
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
