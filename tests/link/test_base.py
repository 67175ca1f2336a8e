import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.link.base import DeliveryQueue, SendQueueLimit
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX
from tests.support.recorder import Recorder


# --- SendQueueLimit -----------------------------------------------------------------------------------
def test_send_credit_is_what_the_limit_leaves() -> None:
    assert SendQueueLimit().send_credit(0) == LINK_QUEUE_MAX
    assert SendQueueLimit().send_credit(1000) == LINK_QUEUE_MAX - 1000


def test_less_than_a_message_is_no_send_credit() -> None:
    assert SendQueueLimit().send_credit(LINK_QUEUE_MAX - MESSAGE_MAX) == MESSAGE_MAX
    assert SendQueueLimit().send_credit(LINK_QUEUE_MAX - MESSAGE_MAX + 1) == 0
    assert SendQueueLimit().send_credit(LINK_QUEUE_MAX + 1) == 0


def test_send_credit_is_reported_once_after_it_was_used_up() -> None:
    limit = SendQueueLimit()
    assert not limit.has_drained(0)
    limit.send_credit(LINK_QUEUE_MAX)
    assert not limit.has_drained(LINK_QUEUE_MAX // 2 + 1)
    assert limit.has_drained(LINK_QUEUE_MAX // 2)
    assert not limit.has_drained(0)


@given(st.lists(st.integers(0, 2 * LINK_QUEUE_MAX)))
def test_an_owner_that_saw_no_send_credit_learns_when_there_is_some(queued: list[int]) -> None:
    limit, blocked = SendQueueLimit(), False
    for amount in queued:
        blocked = blocked or limit.send_credit(amount) == 0
        told = limit.has_drained(amount // 4)
        assert told == (blocked and amount // 4 <= LINK_QUEUE_MAX // 2)
        blocked = blocked and not told


# --- DeliveryQueue ---------------------------------------------------------------------------------------
def test_messages_wait_for_an_owner_up_to_the_limit() -> None:
    queue, owner = DeliveryQueue(10), Recorder()
    assert queue.deliver(b"123456")
    assert queue.deliver(b"7890")
    queue.start(owner)
    assert owner.messages == [b"123456", b"7890"]
    assert queue.deliver(b"x" * 1000)
    assert len(owner.messages) == 3


def test_what_exceeds_the_limit_is_refused() -> None:
    queue = DeliveryQueue(10)
    assert queue.deliver(b"1234567890")
    assert not queue.deliver(b"1")


def test_the_end_is_reported_once_and_nothing_comes_after_it() -> None:
    queue, owner = DeliveryQueue(10), Recorder()
    queue.start(owner)
    queue.report_writable()
    queue.end("first")
    queue.end("second")
    queue.report_writable()
    assert queue.deliver(b"late")
    assert queue.is_closed
    assert owner.calls == ["writable", "closed"]
    assert owner.reason == "first"


def test_the_end_waits_for_an_owner_behind_the_messages() -> None:
    queue, owner = DeliveryQueue(10), Recorder()
    queue.deliver(b"a")
    queue.report_writable()
    queue.end("over")
    queue.deliver(b"b")
    queue.start(owner)
    assert owner.calls == ["message", "closed"]


def test_a_second_owner_is_a_mistake() -> None:
    queue = DeliveryQueue(10)
    queue.start(Recorder())
    with pytest.raises(RuntimeError):
        queue.start(Recorder())
