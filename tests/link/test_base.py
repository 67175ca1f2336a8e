import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.link.base import Inbox, SendBound
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX
from tests.link.owners import Recorder


# --- SendBound -----------------------------------------------------------------------------------
def test_room_is_what_the_bound_leaves() -> None:
    assert SendBound().send_credit(0) == LINK_QUEUE_MAX
    assert SendBound().send_credit(1000) == LINK_QUEUE_MAX - 1000


def test_less_than_a_message_is_no_room() -> None:
    assert SendBound().send_credit(LINK_QUEUE_MAX - MESSAGE_MAX) == MESSAGE_MAX
    assert SendBound().send_credit(LINK_QUEUE_MAX - MESSAGE_MAX + 1) == 0
    assert SendBound().send_credit(LINK_QUEUE_MAX + 1) == 0


def test_room_is_announced_once_after_it_was_used_up() -> None:
    bound = SendBound()
    assert not bound.has_drained(0)
    bound.send_credit(LINK_QUEUE_MAX)
    assert not bound.has_drained(LINK_QUEUE_MAX // 2 + 1)
    assert bound.has_drained(LINK_QUEUE_MAX // 2)
    assert not bound.has_drained(0)


@given(st.lists(st.integers(0, 2 * LINK_QUEUE_MAX)))
def test_whoever_saw_no_room_is_told_when_there_is_some(queued: list[int]) -> None:
    bound, blocked = SendBound(), False
    for amount in queued:
        blocked = blocked or bound.send_credit(amount) == 0
        told = bound.has_drained(amount // 4)
        assert told == (blocked and amount // 4 <= LINK_QUEUE_MAX // 2)
        blocked = blocked and not told


# --- Inbox ---------------------------------------------------------------------------------------
def test_messages_wait_for_an_owner_up_to_the_bound() -> None:
    inbox, owner = Inbox(10), Recorder()
    assert inbox.deliver(b"123456")
    assert inbox.deliver(b"7890")
    inbox.start(owner)
    assert owner.messages == [b"123456", b"7890"]
    assert inbox.deliver(b"x" * 1000)
    assert len(owner.messages) == 3


def test_what_exceeds_the_bound_is_said() -> None:
    inbox = Inbox(10)
    assert inbox.deliver(b"1234567890")
    assert not inbox.deliver(b"1")


def test_the_end_is_told_once_and_is_the_end() -> None:
    inbox, owner = Inbox(10), Recorder()
    inbox.start(owner)
    inbox.make_room()
    inbox.end("first")
    inbox.end("second")
    inbox.make_room()
    assert inbox.deliver(b"late")
    assert inbox.lost
    assert owner.calls == ["room", "lost"]
    assert owner.reason == "first"


def test_the_end_waits_for_an_owner_behind_the_messages() -> None:
    inbox, owner = Inbox(10), Recorder()
    inbox.deliver(b"a")
    inbox.make_room()
    inbox.end("over")
    inbox.deliver(b"b")
    inbox.start(owner)
    assert owner.calls == ["message", "lost"]


def test_a_second_owner_is_a_mistake() -> None:
    inbox = Inbox(10)
    inbox.start(Recorder())
    with pytest.raises(RuntimeError):
        inbox.start(Recorder())
