"""Which links are suspected, lagging, timed out or probed, and when."""

from collections.abc import Collection

import pytest

from freespan.link.bond.events import NOT_JOINED, TIMED_OUT
from freespan.link.bond.health import Findings, HealthMonitor
from freespan.link.bond.link_state import LinkState
from freespan.link.bond.scheduler import seconds_to_ack_when_full
from tests.link.bond.states import SETTINGS, a_link, a_packet, steady


def check(links: Collection[LinkState], now: float, *, probes: bool = True) -> Findings:
    """What a monitor finds that has seen some link alive since 0."""
    return HealthMonitor(SETTINGS, 0.0, probes=probes).check(links, now)


def test_a_silent_link_is_suspected_given_up_and_closed_while_another_lives() -> None:
    silent, alive = a_link(0), a_link(1)
    silent.on_sent(a_packet(), 100, 0.0)
    findings = check([silent, alive], 0.4)
    assert not findings.suspected
    assert findings.probe == [silent]
    findings = check([silent, alive], 0.6)
    assert findings.suspected == [silent]
    assert [link for link, _ in findings.give_up] == [silent]
    assert not findings.closed
    findings = check([silent, alive], SETTINGS.timeout_seconds)
    assert not findings.suspected
    assert findings.closed == [(silent, TIMED_OUT)]


def test_when_all_are_silent_the_cause_may_be_here() -> None:
    links = [a_link(number) for number in range(3)]
    for link in links:
        link.on_sent(a_packet(), 100, 0.0)
    health = HealthMonitor(SETTINGS, 0.0, probes=True)
    findings = health.check(links, 0.6)
    assert findings.suspected == links
    assert not findings.give_up
    findings = health.check(links, 10.0)
    assert not findings.closed
    links[0].on_ack(1, 10.0)
    findings = health.check(links, 10.05)
    assert not findings.closed, "the others have had no time yet"
    assert len(health.check(links, SETTINGS.timeout_alone_seconds).closed) == 2


@pytest.mark.parametrize(("min_rtt", "silent_after"), [(0.1, 2.0), (0.5, 2.0), (1.0, 4.0), (5.0, 6.0)])
def test_a_link_whose_messages_take_long_may_be_silent_for_longer(min_rtt: float, silent_after: float) -> None:
    silent, alive = a_link(0), a_link(1)
    silent.congestion.latest_rtt = min_rtt
    silent.on_sent(a_packet(), 100, 0.0)
    assert not check([silent, alive], silent_after - 0.05).closed
    assert check([silent, alive], silent_after).closed == [(silent, TIMED_OUT)]


def test_a_lagging_link_is_relieved_of_what_is_overdue() -> None:
    lagging, good = steady(0, 2e6, 0.05), a_link(1)
    lagging.opened_at = lagging.acked_at = lagging.received_at = 0.0
    packets = [a_packet(0), a_packet(1)]
    lagging.on_sent(packets[0], 100, 10.0)
    lagging.on_sent(packets[1], 100, 10.4)
    lagging.acked_at = 10.6
    findings = check([lagging, good], 10.45)
    assert not findings.lagging
    now = 10.0 + SETTINGS.lagging_seconds + 0.2
    findings = check([lagging, good], now)
    assert findings.lagging == [lagging]
    assert [link.give_up(before) for link, before in findings.give_up] == [packets[:1]]
    assert not check([lagging, good], now).lagging, "it is reported once"
    lagging.on_ack(2, now)
    check([lagging, good], now)
    assert not lagging.is_lagging


@pytest.mark.parametrize("rate", [2e4, 5e4])
def test_where_all_are_slow_lagging_begins_later(rate: float) -> None:
    """Four packets on their way take more than a second there, and a lost one as much again."""
    lagging, good = steady(0, rate, 0.2), steady(1, rate, 0.2)
    lagging.opened_at = lagging.acked_at = lagging.received_at = 0.0
    good.acked_at = 20.0
    lagging.on_sent(a_packet(), 100, 10.0)
    fastest = seconds_to_ack_when_full(good)
    assert fastest > SETTINGS.lagging_seconds
    lagging.acked_at = 10.0 + 1.9 * fastest
    assert not check([lagging, good], 10.0 + 1.95 * fastest).lagging
    lagging.acked_at = 10.0 + 2 * fastest
    assert check([lagging, good], 10.0 + 2.05 * fastest).lagging == [lagging]


def test_when_all_are_lagging_nobody_can_help() -> None:
    links = [a_link(0), a_link(1)]
    for link in links:
        link.on_sent(a_packet(), 100, 0.0)
        link.acked_at = 0.95
    findings = check(links, 1.0)
    assert not findings.lagging
    assert not findings.give_up


def test_idle_links_are_probed_now_and_then() -> None:
    link = a_link()
    assert not check([link], 4.9).probe
    health = HealthMonitor(SETTINGS, 0.0, probes=True)
    health.check([link], 4.9)
    assert health.check_at == 5.0
    assert check([link], 5.0).probe == [link]
    assert not check([link], 5.0, probes=False).probe


def test_a_link_that_becomes_quiet_is_probed_once() -> None:
    link = a_link()
    link.packet_received_at = link.received_at = 1.0
    assert not check([link], 1.2).probe
    assert check([link], 1.3).probe == [link]
    assert not check([link], 1.3, probes=False).probe
    link.probed_at = 1.3
    assert not check([link], 1.6).probe


def test_a_link_that_does_not_join_in_time_is_closed() -> None:
    link = a_link()
    link.has_joined = False
    assert not check([link], SETTINGS.join_seconds - 0.1).closed
    assert check([link], SETTINGS.join_seconds).closed == [(link, NOT_JOINED)]
