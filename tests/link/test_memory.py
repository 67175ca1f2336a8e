import asyncio

import pytest

from freespan.link.memory import MemoryLink, memory_pair
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX
from tests.support.recorder import Recorder


@pytest.mark.parametrize("size", [0, MESSAGE_MAX + 1])
def test_a_forbidden_size_is_the_sender_s_mistake(size: int) -> None:
    left, _ = memory_pair()
    with pytest.raises(ValueError, match=r"1 to 16384"):
        left.send(bytes(size))


async def test_a_rate_holds_messages_back_and_delay_shifts_them() -> None:
    left, right = memory_pair(delay=0.01, rate=10_000_000)
    owner, sender = Recorder(), Recorder()
    left.start(sender)
    right.start(owner)
    start = asyncio.get_running_loop().time()
    for _ in range(50):
        left.send(bytes(10_000))
    await owner.until(lambda recorder: len(recorder.messages) == 50)
    took = asyncio.get_running_loop().time() - start
    assert took >= 0.01 + 50 * 10_000 / 10_000_000
    assert left.sent_bytes == 500_000
    assert right.sent_bytes == 0


async def test_the_peak_of_the_queue_is_remembered() -> None:
    left, right = memory_pair()
    owner = Recorder()
    right.start(owner)
    for _ in range(4):
        left.send(bytes(1000))
    assert left.queue_peak == 4000
    await owner.until(lambda recorder: len(recorder.messages) == 4)
    assert left.send_credit == LINK_QUEUE_MAX
    assert left.queue_peak == 4000


async def test_what_is_queued_at_the_end_is_lost() -> None:
    left, right = memory_pair(rate=1.0)
    owner = Recorder()
    right.start(owner)
    left.send(b"never")
    left.close()
    assert await owner.closed() == "the other end closed the link"
    assert owner.messages == []


async def test_an_end_has_its_delay_too() -> None:
    left, right = memory_pair(delay=0.01)
    owner = Recorder()
    right.start(owner)
    left.send(b"first")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    left.close()
    await owner.closed()
    assert owner.calls == ["message", "closed"]


async def test_a_link_without_an_other_end_can_be_closed() -> None:
    link, owner = MemoryLink(0.0, 0.0), Recorder()
    link.start(owner)
    link.send(b"to nobody")
    link.close("enough")
    assert await owner.closed() == "enough"
