"""What every link promises (`freespan.link.base`), held against each kind."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from freespan.link.datachannel import DataChannelLink
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX, PIPE_WAITING_MAX
from tests.link.pairs import KINDS, ROGUES, Ends, LinkAndRogue, as_link, waiting
from tests.support.recorder import Recorder, until


@pytest.fixture(params=KINDS)
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    async with KINDS[request.param]() as ends:
        yield ends


@pytest.fixture(params=ROGUES)
async def link_and_rogue(request: pytest.FixtureRequest) -> AsyncIterator[LinkAndRogue]:
    async with ROGUES[request.param]() as link_and_rogue:
        yield link_and_rogue


@pytest.fixture
async def owners(ends: Ends) -> tuple[Recorder, Recorder]:
    """Both links in use."""
    left, right = Recorder(), Recorder()
    as_link(ends[0]).start(left)
    as_link(ends[1]).start(right)
    return left, right


async def test_messages_arrive_whole_and_in_order(ends: Ends, owners: tuple[Recorder, Recorder]) -> None:
    sizes = [1, MESSAGE_MAX, 2, MESSAGE_MAX - 1, 16_000, 1]
    messages = [bytes((number,)) * size for number, size in enumerate(sizes * 5)]
    for message in messages:
        ends[0].send(message)
        ends[1].send(message[::-1])
    for owner in owners:
        await owner.until(lambda recorder: len(recorder.messages) == len(messages))
        assert owner.messages == messages
        assert set(owner.calls) <= {"message", "writable"}


async def test_what_comes_before_the_start_waits_in_order(ends: Ends) -> None:
    left, right = ends
    left.start(Recorder())
    for number in range(5):
        left.send(bytes((number,)))
    await until(lambda: waiting(right) == 5)
    owner = Recorder()
    right.start(owner)
    assert owner.messages == [bytes((number,)) for number in range(5)]
    left.send(b"later")
    await owner.until(lambda recorder: recorder.messages[-1] == b"later")


async def test_a_link_has_one_owner(ends: Ends, owners: tuple[Recorder, Recorder]) -> None:
    with pytest.raises(RuntimeError, match="one owner"):
        ends[0].start(Recorder())


async def test_too_much_before_the_start_ends_the_link(ends: Ends) -> None:
    left, right = ends
    left_owner = Recorder()
    left.start(left_owner)
    sent = 0
    while sent <= LINK_QUEUE_MAX + 4 * MESSAGE_MAX:
        left.send(bytes(MESSAGE_MAX))
        sent += MESSAGE_MAX
    await left_owner.closed()
    owner = Recorder()
    right.start(owner)
    assert await owner.closed() == "the other end sent too much before the link was in use"
    assert sum(map(len, owner.messages)) <= LINK_QUEUE_MAX + MESSAGE_MAX
    owner.assert_ended_once()
    left_owner.assert_ended_once()


async def test_send_credit_is_used_up_and_reported_when_it_is_back(
    ends: Ends, owners: tuple[Recorder, Recorder]
) -> None:
    left = ends[0]
    assert 0 < left.send_credit <= LINK_QUEUE_MAX
    sent = 0
    while left.send_credit:
        left.send(bytes(MESSAGE_MAX))
        sent += 1
        assert sent < 10_000, "an engine that takes everything has no bound"
    left.send(b"a small one must still pass")
    await owners[0].until(lambda recorder: "writable" in recorder.calls)
    assert left.send_credit >= LINK_QUEUE_MAX // 4
    await owners[1].until(lambda recorder: len(recorder.messages) == sent + 1)
    assert owners[0].calls == ["writable"]
    assert owners[1].messages[-1] == b"a small one must still pass"


async def test_send_credit_that_was_not_used_up_is_not_reported(ends: Ends, owners: tuple[Recorder, Recorder]) -> None:
    for _ in range(3):
        ends[0].send(b"x")
    await owners[1].until(lambda recorder: len(recorder.messages) == 3)
    assert owners[0].calls == []


async def test_an_owner_that_goes_on_without_send_credit_ends_the_link(
    ends: Ends, owners: tuple[Recorder, Recorder]
) -> None:
    for _ in range(4 * PIPE_WAITING_MAX // MESSAGE_MAX):
        ends[0].send(bytes(MESSAGE_MAX))
    assert await owners[0].closed() == "the sender overran the link"
    owners[0].assert_ended_once()
    if not isinstance(ends[0], DataChannelLink):  # its goodbye is one datagram, and a path that is full may lose it
        await owners[1].closed()
        owners[1].assert_ended_once()


@pytest.mark.parametrize("closer", [0, 1])
async def test_either_side_may_close(ends: Ends, owners: tuple[Recorder, Recorder], closer: int) -> None:
    ends[closer].close("enough")
    assert owners[closer].calls == []  # never from inside the call
    assert await owners[closer].closed() == "enough"
    other = await owners[1 - closer].closed()
    assert other
    assert other != "enough"
    for end in ends:
        end.close("again")
        end.send(b"into the void")
    await turns()
    for owner in owners:
        owner.assert_ended_once()
    assert owners[closer].reason == "enough"


async def test_both_may_close_at_once(ends: Ends, owners: tuple[Recorder, Recorder]) -> None:
    for end in ends:
        end.send(b"last words")
        end.close("enough")
    for owner in owners:
        assert await owner.closed() == "enough"
    await turns()
    for owner in owners:
        owner.assert_ended_once()


async def test_nothing_comes_after_the_end(ends: Ends, owners: tuple[Recorder, Recorder]) -> None:
    for _ in range(LINK_QUEUE_MAX // MESSAGE_MAX + 1):
        ends[0].send(bytes(MESSAGE_MAX))
        ends[1].send(bytes(MESSAGE_MAX))
    ends[0].close()
    for owner in owners:
        await owner.closed()
    await turns()
    for owner in owners:
        owner.assert_ended_once()


async def test_a_close_before_the_start_is_reported_at_the_start(ends: Ends) -> None:
    ends[0].close("enough")
    owner = Recorder()
    await until(lambda: ends[0]._deliveries.is_closed)
    ends[0].start(owner)
    assert await owner.closed() == "enough"
    await until(lambda: ends[1]._deliveries.is_closed)
    other = Recorder()
    ends[1].start(other)
    assert other.reason is not None
    other.assert_ended_once()


async def turns() -> None:
    """Give everything that is due a chance to happen."""
    for _ in range(50):
        await asyncio.sleep(0)


# --- the other end breaks the rules ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("text", "text"),
        ("", "text"),
        (b"", "forbidden size"),
        (bytes(MESSAGE_MAX + 1), "forbidden size|broke"),
        (bytes(200_000), "forbidden size|broke"),
    ],
    ids=["text", "empty text", "empty", "too long", "far too long"],
)
async def test_what_is_no_packet_ends_the_link(link_and_rogue: LinkAndRogue, message: bytes | str, word: str) -> None:
    link, rogue = link_and_rogue
    owner = Recorder()
    link.start(owner)
    await rogue.say(b"first")
    await rogue.say(message)
    reason = await owner.closed()
    assert any(part in reason for part in word.split("|"))
    assert owner.messages == [b"first"]
    owner.assert_ended_once()


async def test_messages_of_the_two_bounds_are_welcome(link_and_rogue: LinkAndRogue) -> None:
    link, rogue = link_and_rogue
    owner = Recorder()
    link.start(owner)
    await rogue.say(b"x")
    await rogue.say(bytes(MESSAGE_MAX))
    await owner.until(lambda recorder: len(recorder.messages) == 2)
    assert list(map(len, owner.messages)) == [1, MESSAGE_MAX]


async def test_a_sudden_death_is_noticed(link_and_rogue: LinkAndRogue) -> None:
    link, rogue = link_and_rogue
    owner = Recorder()
    link.start(owner)
    await rogue.say(b"alive")
    await owner.until(lambda recorder: bool(recorder.messages))
    await rogue.die()
    assert await owner.closed()
    for _ in itertools.repeat(None, 3):
        link.send(b"hello?")
    link.close()
    await turns()
    owner.assert_ended_once()
