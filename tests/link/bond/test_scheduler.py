"""Which link a packet takes, and how much the links take together."""

from hypothesis import given
from hypothesis import strategies as st

from freespan.link.bond.scheduler import Scheduler, seconds_to_ack_when_full
from freespan.wire.limits import DATAGRAM_SIZE, LINK_QUEUE_MAX
from tests.link.bond.states import SETTINGS, a_link, steady


def a_scheduler() -> Scheduler:
    return Scheduler(SETTINGS.spread_seconds)


def test_a_packet_takes_the_link_on_which_it_arrives_first() -> None:
    scheduler = a_scheduler()
    near, far = steady(0, 2e6, 0.02), steady(1, 2e6, 0.08)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.0) is near
    for _ in range(2):
        far.congestion.on_sent(DATAGRAM_SIZE, 0.0)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.0) is near


def test_patience_with_full_links_ends_when_the_slower_one_would_have_been_right() -> None:
    scheduler = a_scheduler()
    near, far = steady(0, 2e6, 0.02), steady(1, 2e6, 0.2)
    while near.cwnd_left > 0:
        near.congestion.on_sent(DATAGRAM_SIZE, 0.0)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.0) is None
    scheduler.on_ack(0.0, is_used_up=True)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.05) is None
    assert scheduler.send_credit([near, far], 0.05) == 0
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.25) is far
    assert scheduler.send_credit([near, far], 0.25) > 0
    scheduler.on_ack(0.25, is_used_up=False)
    assert scheduler.choose([near, far], DATAGRAM_SIZE, 0.25) is None


def test_a_small_packet_takes_the_soonest_link_even_if_its_cwnd_is_full() -> None:
    near, far = steady(0, 2e6, 0.02), steady(1, 2e6, 0.2)
    while near.cwnd_left > 0:
        near.congestion.on_sent(DATAGRAM_SIZE, 0.0)
    assert a_scheduler().choose([near, far], 40, 0.0) is near


@given(st.integers(1, 4), st.floats(0, 10), st.data())
def test_no_packet_goes_where_it_would_hold_up_the_others_for_too_long(
    count: int, used_up_for: float, data: st.DataObject
) -> None:
    links = []
    for number in range(count):
        link = a_link(number, min_rtt=data.draw(st.floats(0.001, 2)), rate=data.draw(st.floats(1e4, 1e8)))
        link.congestion.on_sent(data.draw(st.integers(0, 300_000)), 0.0)
        link.queue_left = data.draw(st.sampled_from([0, 20_000, LINK_QUEUE_MAX]))
        links.append(link)
    scheduler = a_scheduler()
    scheduler.on_ack(0.0, is_used_up=True)
    chosen = scheduler.choose(links, DATAGRAM_SIZE, used_up_for)
    credit = scheduler.send_credit(links, used_up_for)
    assert credit % DATAGRAM_SIZE == 0
    assert credit <= sum(link.queue_left for link in links)
    if chosen is None:
        return
    assert chosen.cwnd_left > 0
    assert chosen.queue_left >= DATAGRAM_SIZE
    if count > 1:
        best = min(seconds_to_ack_when_full(link) for link in links)
        assert chosen.congestion.min_rtt <= best + SETTINGS.spread_seconds


def test_without_links_there_is_no_send_credit() -> None:
    assert a_scheduler().choose([], DATAGRAM_SIZE, 0.0) is None
    assert a_scheduler().send_credit([], 0.0) == 0
