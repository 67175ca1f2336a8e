"""What counts as a loss signal: a pause, and then several messages at once."""

from __future__ import annotations

import random

import pytest

from freespan.link.bond.loss_signals import CommonPauses, IdleDetector, LossSignals

ROUND_TRIP = 0.1


def count(times: list[float], min_rtt: float = ROUND_TRIP) -> int:
    loss_signals = LossSignals()
    for now in times:
        loss_signals.on_messages(now, 1, min_rtt)
    return loss_signals.count


def every(seconds: float, jitter: float = 0.0, packets: int = 200) -> list[float]:
    """Messages of an even path; a jitter holds up those behind, as on most paths."""
    chance, times, last = random.Random(7), [], 0.0
    for i in range(packets):
        last = max(last, i * seconds + chance.random() * jitter)
        times.append(last)
    return times


def held_back(times: list[float], since: float, seconds: float) -> list[float]:
    """What a packet does that is lost at `since` and comes `seconds` later."""
    return [max(time, since + seconds) if time >= since else time for time in times]


def test_a_lost_packet_is_one_signal() -> None:
    assert count(held_back(every(0.03), 1.0, 0.15)) == 1


@pytest.mark.parametrize("jitter", [0.0, 0.02])
@pytest.mark.parametrize("gap", [0.0065, 0.03, 0.07, 0.3])
def test_an_even_path_shows_next_to_none_however_slow(gap: float, jitter: float) -> None:
    assert count(every(gap, jitter)) <= 3 * gap * 200 / 6 * (jitter > 0)


def test_a_short_pause_and_a_long_one_are_none() -> None:
    assert count(held_back(every(0.01), 1.0, 0.03)) == 0
    assert count([0.0, 2.0, 2.001, 2.002]) == 0


def test_a_round_trip_is_about_the_least() -> None:
    times = held_back(every(0.01), 1.0, 0.15)
    assert count(times, 0.15) == 1
    assert count(times, 0.2) == 0


def test_bursts_of_a_window_that_grows_are_none() -> None:
    assert count([min_rtt * ROUND_TRIP + i * 0.002 for min_rtt in range(50) for i in range(10)]) == 0


def test_an_acknowledgement_of_several_is_one_too() -> None:
    loss_signals = LossSignals()
    for now, messages in ((1.0, 4), (1.02, 2), (1.2, 5), (1.22, 1), (1.4, 1)):
        loss_signals.on_messages(now, messages, ROUND_TRIP)
    assert loss_signals.count == 1


def test_what_is_excused_is_no_signal() -> None:
    loss_signals = LossSignals()
    loss_signals.on_messages(1.0, 1, ROUND_TRIP)
    loss_signals.on_excused(1.2)
    loss_signals.on_messages(1.201, 1, ROUND_TRIP)
    assert loss_signals.count == 0


def test_a_pause_of_all_links_together_is_excused() -> None:
    pauses = CommonPauses()
    for now in (1.0, 1.01, 1.2, 1.201):
        pauses.on_message(now, overdue=0.0)
    assert pauses.excuses(1.0, 1.201, is_alone=False)
    assert not pauses.excuses(1.0, 1.2, is_alone=True)


def test_one_link_that_pauses_while_others_go_on_is_not_excused() -> None:
    pauses = CommonPauses()
    for step in range(100):
        pauses.on_message(1.0 + step / 100, overdue=0.0)
    assert not pauses.excuses(1.2, 1.4, is_alone=False)


def test_a_process_that_was_held_up_blames_nobody() -> None:
    pauses = CommonPauses()
    pauses.on_message(1.0, overdue=-0.05)
    pauses.on_message(1.2, overdue=0.15)
    assert pauses.excuses(1.0, 1.2, is_alone=True)
    assert not pauses.excuses(1.21, 1.4, is_alone=True)


def packets_of_another_link(idle: IdleDetector, begin: float, end: float, rate: int = 100, first: int = 0) -> int:
    """Even ones, on link 1; returns the number after the last."""
    for step in range(round((end - begin) * rate)):
        idle.on_packet(1, first + step, begin + (step - 1) / rate, begin + step / rate)
    return first + round((end - begin) * rate)


def test_a_packet_that_others_overtook_was_held_up() -> None:
    idle = IdleDetector()
    number = packets_of_another_link(idle, 1.0, 1.2)
    lost = number
    packets_of_another_link(idle, 1.2, 1.4, first=number + 1)
    assert not idle.on_packet(0, lost, 1.2, 1.4)


def test_a_packet_that_is_newer_than_the_pause_was_not_held_up() -> None:
    idle = IdleDetector()
    number = packets_of_another_link(idle, 1.0, 1.4)
    assert idle.on_packet(0, number, 1.2, 1.4)


@pytest.mark.parametrize("further", [0.02, 0.05])
def test_a_link_that_is_further_away_may_be_idle_too(further: float) -> None:
    """Its packets are overtaken in any case, by as many as come in the time that it takes longer."""
    idle = IdleDetector()
    number = packets_of_another_link(idle, 1.0, 1.4)
    assert idle.on_packet(0, number - round(further * 100), 1.2, 1.4)


def test_without_others_nothing_is_known() -> None:
    idle = IdleDetector()
    assert not idle.on_packet(0, 0, 0.5, 1.0)
    assert not idle.on_packet(0, 1, 1.0, 1.2)
    idle.on_packet(1, 2, 0.0, 1.39)
    assert not idle.on_packet(0, 3, 1.2, 1.4), "what came late in the pause was perhaps sent late"


def test_messages_that_flow_on_leave_nothing_to_explain_and_a_pause_does() -> None:
    one, other = LossSignals(), LossSignals()
    assert not one.flows_on(0.0), "what came before is not known"
    for signals in (one, other):
        signals.on_excused(0.0)
    assert one.flows_on(0.01)
    other.on_messages(0.01, 1, 0.02)
    assert not one.flows_on(0.11), "a pause"
    for signals in (one, other):
        signals.on_messages(0.11, 1, 0.02)
    assert not one.flows_on(0.12), "it may be the burst after the pause"
    for signals in (one, other):
        signals.on_messages(0.12, 1, 0.02)
    assert one.count == other.count == 1
