"""Writers that wait, with a stand-in for QUIC that has so many bytes unsent."""

import asyncio
from typing import cast

import pytest

from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.quic import LinkQuic


class Unsent:
    """`LinkQuic.unsent` for each stream, all of which have progressed."""

    def __init__(self, **streams: int) -> None:
        self._streams = {int(name.removeprefix("stream_")): count for name, count in streams.items()}

    def take_progressed(self) -> set[int]:
        return set(self._streams)

    def unsent(self, stream_id: int) -> int:
        return self._streams[stream_id]


def sent(waiters: DrainWaiters, **streams: int) -> None:
    waiters.on_sent(cast(LinkQuic, Unsent(**streams)))


async def test_a_writer_waits_until_half_of_the_bound_is_unsent() -> None:
    waiters = DrainWaiters(100)
    writing = asyncio.create_task(waiters.wait(0), name="test-write")
    await asyncio.sleep(0)
    assert 0 in waiters
    sent(waiters, stream_0=51)
    await asyncio.sleep(0)
    assert not writing.done()
    sent(waiters, stream_0=50)
    await writing
    assert len(waiters) == 0


async def test_two_writers_of_one_stream_go_on_together_and_that_of_another_one_does_not() -> None:
    waiters = DrainWaiters(100)
    first, second, other = (asyncio.create_task(waiters.wait(one), name=f"test-write-{one}") for one in (0, 0, 4))
    await asyncio.sleep(0)
    sent(waiters, stream_0=0, stream_4=100)
    await asyncio.gather(first, second)
    assert 4 in waiters
    waiters.wake(4)
    waiters.wake(4)
    await other


async def test_a_writer_that_is_cancelled_takes_no_other_with_it() -> None:
    waiters = DrainWaiters(100)
    first, second = (asyncio.create_task(waiters.wait(0), name=f"test-write-{one}") for one in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert not second.done()
    sent(waiters, stream_0=0)
    await second


async def test_a_writer_may_go_on_without_progress_when_fewer_streams_share_the_bound() -> None:
    waiters = DrainWaiters(100, 1_000)
    waiters.share_out(20)
    writing = asyncio.create_task(waiters.wait(0), name="test-write")
    await asyncio.sleep(0)
    sent(waiters, stream_0=45)
    assert 0 in waiters
    waiters.share_out(10)
    resting = Unsent(stream_0=45)
    resting.take_progressed = set[int]  # type: ignore[method-assign]
    waiters.on_sent(cast(LinkQuic, resting))
    assert 0 not in waiters
    await writing


@pytest.mark.parametrize(("streams", "each"), [(0, 100), (1, 100), (10, 100), (11, 90), (20, 50), (1_000, 1)])
def test_many_streams_may_queue_less_each(streams: int, each: int) -> None:
    waiters = DrainWaiters(100, 1_000)
    waiters.share_out(streams)
    assert waiters.unsent_max == each
    assert waiters.is_scarce == (each < 100)
    assert streams * each <= 1_000
