"""The bounds must fit one another; a change of one that breaks a relation is noticed here."""

import pytest

from freespan.wire import limits

BOUNDS = {name: value for name, value in vars(limits).items() if name.isupper()}
NUMBERS = {name: value for name, value in BOUNDS.items() if not isinstance(value, tuple)}
STEPS = {name: value for name, value in BOUNDS.items() if isinstance(value, tuple)}


@pytest.mark.parametrize("name", sorted(NUMBERS))
def test_every_limit_is_a_positive_number(name: str) -> None:
    assert isinstance(NUMBERS[name], int | float)
    assert NUMBERS[name] > 0


@pytest.mark.parametrize("name", sorted(STEPS))
def test_steps_go_up_in_whole_bytes(name: str) -> None:
    assert all(isinstance(step, int) and step > 0 for step in STEPS[name])
    assert list(STEPS[name]) == sorted(set(STEPS[name]))


def test_times_are_seconds_and_sizes_are_whole() -> None:
    for name, value in NUMBERS.items():
        is_time = name.endswith("_SECONDS")
        assert isinstance(value, float if is_time else int), name


def test_a_datagram_fits_a_message() -> None:
    assert limits.DATAGRAM_SIZE < 16_383  # aioquic writes lengths in two bytes
    assert limits.DATAGRAM_SIZE <= limits.MESSAGE_MAX


def test_what_waits_in_a_bridge_is_bounded_by_the_two_ends() -> None:
    assert limits.CWND_MAX < limits.PIPE_WAITING_MAX
    assert limits.CWND_MAX + limits.LINK_QUEUE_MAX < limits.PIPE_WAITING_MAX
    assert limits.LINK_QUEUE_MAX > 2 * limits.MESSAGE_MAX


def test_inner_waits_end_before_outer_ones() -> None:
    assert limits.ANSWER_SECONDS < limits.RENDEZVOUS_SECONDS
    assert limits.PING_SECONDS < limits.SILENCE_SECONDS


def test_a_description_fits_its_envelopes() -> None:
    assert limits.SDP_MAX < limits.SIGNAL_MESSAGE_MAX
    assert limits.SDP_MAX < limits.RENDEZVOUS_BODY_MAX


def test_one_link_alone_can_be_full_within_a_bond_s_span() -> None:
    assert 2 * limits.CWND_MAX <= limits.BOND_SPAN_MAX
