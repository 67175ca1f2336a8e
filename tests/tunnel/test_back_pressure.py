"""A slow reader slows its own sender and no other, and what is not read is bounded."""

import asyncio
from dataclasses import replace

import pytest

from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError
from freespan.wire.limits import LINK_QUEUE_MAX, STREAMS_MAX
from tests.support.tunnels import (
    SECONDS,
    exchange,
    pattern,
    read_all,
    session,
    site,
    until,
    write_all,
)

DEFAULTS = TunnelSettings()

pytestmark = pytest.mark.timeout(60)

SMALL = TunnelSettings(
    stream_window=DEFAULTS.stream_window // 16,
    stream_window_first=DEFAULTS.stream_window_first // 16,
    stream_window_max=DEFAULTS.stream_window_max // 16,
    session_window=DEFAULTS.session_window // 16,
)
"""Windows in the proportions of the real ones: what holds for these holds for those, only sooner."""


async def test_a_reader_that_does_not_read_costs_one_window_and_stops_its_own_sender_alone() -> None:
    written = 0

    async def endless(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        nonlocal written
        tunnel.accept(stream)
        if dict(stream.headers)[b":authority"] == b"other.test:1":
            await stream.write(pattern(3_000_000))
            stream.write_eof()
            await stream.read()
            return
        while True:
            await stream.write(bytes(65_536))
            written += 65_536

    async with session(endless) as ends:
        idle = await ends.client.connect(site("idle"))
        await until(lambda: idle.unread >= DEFAULTS.stream_window_first - 20_000)
        for _ in range(3):
            other = await ends.client.connect(site("other"))
            assert await read_all(other) == pattern(3_000_000)
            ends.client.release(other)
        assert idle.unread <= DEFAULTS.stream_window_first
        assert written <= DEFAULTS.stream_window_first + DEFAULTS.stream_unsent_max + 2 * 65_536
        assert ends.server_link.queue_peak <= LINK_QUEUE_MAX
        # and when it reads at last, everything goes on
        before = written
        while written < before + 2 * DEFAULTS.stream_window_first:
            await idle.read()
        assert idle.unread <= idle.window.size


async def test_an_egress_whose_site_does_not_read_holds_the_client_back() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("silent"))
        writing = asyncio.create_task(write_all(stream, bytes(16_000_000)), name="test-write")
        await until(lambda: stream.id in ends.client._driver._writers)
        await exchange(ends, pattern(2_000_000))
        (far,) = (one for one in ends.server._streams.by_id.values() if one.unread)
        assert far.unread <= DEFAULTS.stream_window_first
        assert not writing.done()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def is_full(stream: TunnelStream) -> bool:
    return stream.unread > stream.window.size - 1_000


def is_as_full_as_it_gets(stream: TunnelStream) -> bool:
    """Less than a quarter of a window is not announced, and so may be missing."""
    return stream.unread > stream.window.size * 3 // 4 - 1_000


@pytest.mark.parametrize("count", [70, STREAMS_MAX - 1])
async def test_streams_that_nobody_reads_starve_no_other(count: int) -> None:
    """Each with a full window; the last place there is still serves."""
    async with session(settings=SMALL) as ends:
        idle = [await ends.client.connect(site("sized", 200)) for _ in range(count)]
        await until(lambda: all(map(is_full, idle)))
        assert sum(stream.unread for stream in idle) <= SMALL.session_window
        await exchange(ends, pattern(1_000_000))
        assert await read_all(idle[33]) == pattern(200 * 1024)


async def endless(tunnel: ServerTunnel, stream: TunnelStream) -> None:
    tunnel.accept(stream)
    with pytest.raises(StreamError):
        while True:
            await stream.write(bytes(20_000))


async def read_until_the_window_is_wide(stream: TunnelStream) -> None:
    taken = 0
    while stream.window.size < SMALL.stream_window_max and taken < 1_000_000:
        taken += len(await stream.read())


async def test_streams_that_are_not_read_after_they_were_fast_starve_no_other() -> None:
    """Wide windows for all of them would be more than the session's."""
    stream_window, session_window = SMALL.stream_window, SMALL.session_window
    async with session(endless, settings=SMALL) as ends:
        ends.client._streams._now = lambda: 0.0  # every reader is quick
        idle = [await ends.client.connect(site("any")) for _ in range(40)]
        async with asyncio.timeout(SECONDS):
            for stream in idle:
                await read_until_the_window_is_wide(stream)
        windows = sorted(stream.window.size for stream in idle)
        assert windows[0] == SMALL.stream_window_first
        assert windows[-1] == SMALL.stream_window_max
        assert sum(windows) + (STREAMS_MAX - 40) * stream_window <= session_window
        await until(lambda: all(map(is_as_full_as_it_gets, idle)))
        other = await ends.client.connect(site("any"))
        taken = 0
        async with asyncio.timeout(SECONDS):
            while taken < 1_000_000:
                taken += len(await other.read())
        ends.client.release(other)
        # and what a stream had more, another one gets when it is gone
        for stream in idle:
            ends.client.release(stream)
        assert ends.client._streams.window.reserve == session_window - STREAMS_MAX * stream_window
        last = await ends.client.connect(site("any"))
        await read_until_the_window_is_wide(last)
        assert last.window.size == SMALL.stream_window_max


async def test_windows_that_nobody_read_come_back_when_streams_are_given_up() -> None:
    """More than a session's window in all; the unread part of it would otherwise be gone for good."""
    async with session(settings=SMALL) as ends:
        given_up = 0
        while given_up <= 2 * SMALL.session_window:
            streams = [await ends.client.connect(site("sized", 200)) for _ in range(40)]
            await until(lambda streams=streams: all(map(is_full, streams)))  # type: ignore[misc]
            for stream in streams:
                given_up += stream.unread
                ends.client.release(stream)
        assert ends.client._streams.window.unread == 0
        await exchange(ends, pattern(2_000_000))


async def test_windows_of_streams_that_are_given_up_at_once_come_back_too() -> None:
    """What is still on its way when a stream is given up reaches nobody, and must not use up the session."""
    small = 8 * DEFAULTS.stream_window
    async with session(delay=0.001, settings=replace(DEFAULTS, session_window=small)) as ends:
        quic = ends.client._driver.quic
        assert quic is not None
        for _ in range(1_000):
            opening = asyncio.create_task(ends.client.connect(site("sized", 400)), name="test-open")
            await until(lambda: bool(ends.server._streams.by_id))
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            await until(lambda: not ends.server._streams.by_id)
            if quic._local_max_data.used > 3 * small:
                break
        assert quic._local_max_data.used > 3 * small
        await exchange(ends, pattern(1_000_000))
        assert ends.client._streams.window.unread == 0


async def test_a_stream_that_is_read_after_its_release_does_not_count_twice() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("sized", 100))
        await until(lambda: stream.unread == 100 * 1024)
        ends.client.release(stream)
        assert ends.client._streams.window.unread == 0
        with pytest.raises(StreamError):
            await read_all(stream)
        assert ends.client._streams.window.unread == 0


async def test_a_fast_reader_gets_a_wider_window_and_a_slow_one_does_not() -> None:
    async with session() as ends:
        fast = await ends.client.connect(site("sized", 8_000))
        assert len(await read_all(fast)) == 8_000 * 1024
        assert fast.window.size > DEFAULTS.stream_window_first
        slow = await ends.client.connect(site("sized", 2_000))
        await until(lambda: slow.unread > DEFAULTS.stream_window_first - 20_000)
        assert slow.window.size == DEFAULTS.stream_window_first
