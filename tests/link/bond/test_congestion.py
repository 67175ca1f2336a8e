"""The congestion window of a link, in simulated pipes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freespan.link.bond.congestion import CWND_MIN, INITIAL_CWND, CongestionController, Phase
from freespan.wire.limits import CWND_MAX, DATAGRAM_SIZE
from tests.link.bond.pipe_simulation import Pipe

START = INITIAL_CWND

PIPES = [
    (50e6, 0.0005, 0.0),
    (50e6, 0.0005, 0.002),
    (16e6, 0.002, 0.001),
    (10e6, 0.02, 0.0),
    (20e6, 0.1, 0.0),
    (5e6, 0.1, 0.005),
    (2e6, 0.3, 0.0),
    (1e6, 0.02, 0.0),
]
pipes = pytest.mark.parametrize(("rate", "delay", "tick"), PIPES)


def formula(pipe: Pipe) -> float:
    """The cwnd that the docstring of the module promises; no round trip is shorter than the smallest cwnd allows."""
    seen = max(pipe.delay + pipe.tick, CWND_MIN / pipe.rate)
    wanted = pipe.rate * (seen * 1.25 + 0.015)
    return max(CWND_MIN, min(wanted, CWND_MAX))


# --- steady ----------------------------------------------------------------------------------------
@pipes
def test_the_pipe_is_filled_and_the_queue_stays_small(rate: float, delay: float, tick: float) -> None:
    pipe = Pipe(rate, delay, tick)
    pipe.run(4 + 20 * delay)
    assert pipe.control.phase is not Phase.STARTUP
    came_through = pipe.run(11)  # drained once to measure min_rtt
    assert came_through >= 0.9 * rate
    assert pipe.cwnd_peak <= 1.3 * formula(pipe)
    assert pipe.queue_peak <= 1.3 * formula(pipe) - 0.9 * pipe.product
    assert pipe.control.rate == pytest.approx(rate, rel=0.15)


@pipes
def test_the_queue_does_not_creep_up_with_time(rate: float, delay: float, tick: float) -> None:
    """Each measurement of min_rtt must see it without the queue that the last one allowed."""
    pipe = Pipe(min(rate, 5e6), delay, tick)
    pipe.run(16)
    pipe.run(12)
    early = pipe.cwnd_peak
    pipe.run(24)
    assert pipe.cwnd_peak <= 1.1 * early


@pytest.mark.parametrize(("rate", "delay"), [(16e6, 0.003), (16e6, 0.02), (50e6, 0.002), (5e6, 0.1)])
def test_a_client_that_is_held_up_now_and_then_does_not_make_the_pipe_look_faster(rate: float, delay: float) -> None:
    pipe = Pipe(rate, delay)
    pipe.run(4 + 20 * delay)
    for _ in range(20):
        came_through = pipe.run(0.3)
        pipe.hold_up(0.04, 10 * rate)
        assert came_through >= 0.8 * rate
        assert pipe.cwnd_peak <= 1.3 * formula(pipe)
        assert pipe.control.rate <= 1.2 * rate


@pipes
def test_startup_finds_the_rate_without_flooding_the_bridge(rate: float, delay: float, tick: float) -> None:
    pipe = Pipe(rate, delay, tick)
    came_through = pipe.run(5)
    assert came_through >= 0.6 * rate
    assert pipe.cwnd_peak <= max(START, 4 * formula(pipe))


def test_startup_does_not_overflow_a_router_that_holds_no_more_than_the_pipe() -> None:
    """The queue of the router is as long as a round trip: the rest is dropped, and SCTP takes long to recover."""
    pipe = Pipe(2.5e6, 0.1)
    pipe.run(0.2)  # the first burst, which SCTP spreads out
    pipe.run(5)
    assert pipe.queue_peak <= 0.8 * pipe.product


# --- changes ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(("before", "after", "delay"), [(4e6, 16e6, 0.02), (1e6, 20e6, 0.1), (2e6, 10e6, 0.001)])
def test_a_pipe_that_gets_faster_is_followed(before: float, after: float, delay: float) -> None:
    pipe = Pipe(before, delay)
    pipe.run(6)
    pipe.rate = after
    pipe.run(2)
    assert pipe.run(5) >= 0.9 * after


@pytest.mark.parametrize(("before", "after", "delay"), [(16e6, 4e6, 0.02), (20e6, 1e6, 0.1), (10e6, 2e6, 0.001)])
def test_a_pipe_that_gets_slower_is_followed(before: float, after: float, delay: float) -> None:
    pipe = Pipe(before, delay)
    pipe.run(6)
    pipe.rate = after
    pipe.run(12)
    assert pipe.run(5) >= 0.9 * after
    assert pipe.cwnd_peak <= 2 * formula(pipe)


@pytest.mark.parametrize("factor", [1.5, 2.0, 4.0])
def test_a_longer_path_does_not_starve_cwnd(factor: float) -> None:
    """Too small a cwnd lowers the rate, and that lowers cwnd: it would go on until min_rtt is measured again."""
    pipe = Pipe(4e6, 0.1)
    pipe.run(5)
    pipe.delay *= factor
    pipe.run(3.0 + factor)
    assert pipe.run(4) >= 0.75 * pipe.rate


def test_cwnd_fits_a_longer_path_at_once_when_the_change_is_known() -> None:
    pipe = Pipe(4e6, 0.1)
    pipe.run(5)
    pipe.delay = 0.2
    pipe.control.on_path_changed(pipe.now)
    pipe.run(1)
    assert pipe.control.cwnd <= 1.3 * formula(pipe)
    assert pipe.run(3) >= 0.9 * pipe.rate


def test_cwnd_does_not_grow_when_the_path_has_not_changed_after_all() -> None:
    pipe = Pipe(4e6, 0.1)
    pipe.run(5)
    before = pipe.control.cwnd
    for _ in range(10):
        pipe.control.on_path_changed(pipe.now)
        pipe.run(0.5)
        assert pipe.control.cwnd <= 1.1 * before


def test_cwnd_of_a_lagging_link_is_halved_and_recovers() -> None:
    pipe = Pipe(4e6, 0.1)
    pipe.run(5)
    before = pipe.control.cwnd
    pipe.control.on_lagging()
    assert pipe.control.cwnd == before // 2
    pipe.run(1)
    assert pipe.run(1) >= 0.9 * pipe.rate
    for _ in range(20):
        pipe.control.on_lagging()
    assert pipe.control.cwnd == CWND_MIN


def test_a_longer_path_is_noticed_after_the_old_round_trip_is_forgotten() -> None:
    pipe = Pipe(10e6, 0.01)
    pipe.run(6)
    pipe.delay = 0.1
    pipe.run(30)
    assert pipe.run(10) >= 0.85 * pipe.rate


# --- senders that have little to send -----------------------------------------------------------------
def sparse(every: float) -> Pipe:
    """A sender with one datagram every `every` seconds."""
    last = [0.0]

    def wants(now: float) -> bool:
        if now - last[0] < every:
            return False
        last[0] = now
        return True

    return Pipe(10e6, 0.02, wants=wants)


def test_a_sender_with_little_to_send_does_not_grow_cwnd() -> None:
    pipe = sparse(0.01)
    pipe.run(10)
    assert pipe.cwnd_peak == START
    assert pipe.control.phase is Phase.STARTUP


def test_a_sender_with_little_to_send_does_not_unlearn_the_rate() -> None:
    pipe = Pipe(10e6, 0.02)
    pipe.run(5)
    learned = pipe.control.cwnd
    wants, pipe.wants = pipe.wants, sparse(0.01).wants
    pipe.run(5)
    assert pipe.control.cwnd == learned
    pipe.wants = wants
    assert pipe.run(1) >= 0.9 * pipe.rate


def test_idle_time_is_not_the_pipe_s_slowness() -> None:
    pipe = Pipe(10e6, 0.02)
    pipe.run(5)
    learned = pipe.control.cwnd
    wants, pipe.wants = pipe.wants, lambda _: False
    pipe.run(60)
    assert pipe.control.in_flight == 0
    pipe.wants = wants
    assert pipe.run(1) >= 0.85 * pipe.rate
    assert pipe.cwnd_peak <= 1.1 * learned


# --- the link's own queue ----------------------------------------------------------------------------
def test_the_link_s_send_credit_is_respected() -> None:
    pipe = Pipe(10e6, 0.02, send_credit=lambda pipe: max(0, int(100_000 - pipe.queue)))
    pipe.run(5)
    assert pipe.run(5) >= 0.9 * pipe.rate
    assert pipe.queue_peak <= 100_000 + DATAGRAM_SIZE


def test_without_send_credit_nothing_is_sent() -> None:
    pipe = Pipe(10e6, 0.02, send_credit=lambda _: 0)
    assert pipe.run(1) == 0


# --- the phases one by one ---------------------------------------------------------------------------
def test_an_old_min_rtt_is_measured_again_in_a_drained_pipe() -> None:
    pipe = Pipe(10e6, 0.02)
    pipe.run(5)
    seen: set[Phase] = set()
    cwnds: list[int] = []
    for _ in range(2_500):
        pipe.run(0.005)
        seen.add(pipe.control.phase)
        if pipe.control.phase is Phase.PROBE_RTT:
            cwnds.append(pipe.control.cwnd)
    assert seen == {Phase.STEADY, Phase.PROBE_RTT}
    assert CWND_MIN < min(cwnds) <= max(cwnds) < 0.7 * pipe.product
    assert len(cwnds) * 0.005 < 0.5


@pytest.mark.parametrize(
    ("rate", "delay", "tick"), [(2e6, 1.0, 0.0), (4e6, 0.6, 0.0), (1e6, 1.0, 0.008), (2e6, 0.3, 0.0)]
)
def test_a_long_path_is_as_fast_after_draining_as_before(rate: float, delay: float, tick: float) -> None:
    """The rate is remembered, and draining ends with the first packet that was sent into the drained pipe."""
    pipe = Pipe(rate, delay, tick)
    pipe.run(25)
    before = pipe.control.cwnd
    while pipe.control.phase is not Phase.PROBE_RTT:
        pipe.run(0.005)
    while pipe.control.phase is Phase.PROBE_RTT:
        pipe.run(0.005)
    assert pipe.control.cwnd >= 0.8 * before
    assert pipe.control.rate == pytest.approx(rate, rel=0.1)
    assert pipe.control.min_rtt == pytest.approx(delay, abs=CWND_MIN / rate + tick)
    assert pipe.run(50) >= 0.8 * rate


def test_min_rtt_is_unknown_before_any_round_trip() -> None:
    control = CongestionController()
    assert control.min_rtt == 0.0
    control.on_rtt_sample(0.2, 1.0)
    assert control.min_rtt == 0.2


@pytest.mark.parametrize("delay", [0.02, 0.3])
def test_on_a_slow_path_startup_ends_its_own_queue_soon(delay: float) -> None:
    """What startup sends must not wait for seconds in a slow bridge: everybody else would wait behind it."""
    pipe = Pipe(0.1e6, delay)
    pipe.run(4)
    assert pipe.run(7) >= 0.9 * pipe.rate
    assert pipe.cwnd_peak <= 0.8 * START
    assert pipe.queue_peak <= 0.7 * START


def test_a_link_that_joins_others_begins_with_less() -> None:
    control = CongestionController(CWND_MIN)
    assert control.cwnd == CWND_MIN
    pipe = Pipe(10e6, 0.05, control=control)
    assert pipe.run(3) >= 0.85 * pipe.rate


def test_a_quiet_sender_notices_a_longer_path_too() -> None:
    pipe = sparse(0.05)
    pipe.run(3)
    pipe.delay = 0.2
    pipe.run(12)
    assert pipe.control.min_rtt == pytest.approx(0.2, rel=0.05)


@settings(max_examples=40)
@given(st.floats(2e5, 100e6), st.floats(0.0002, 0.5), st.sampled_from([0.0, 0.001, 0.01]), st.floats(2e5, 100e6))
def test_any_pipe_is_served_within_the_bounds(rate: float, delay: float, tick: float, later: float) -> None:
    pipe = Pipe(rate, delay, tick)
    for rate_of_now in (rate, later):
        pipe.rate = rate_of_now
        pipe.run(0.5)
        assert CWND_MIN <= pipe.control.cwnd <= CWND_MAX
        assert 0 <= pipe.control.in_flight <= CWND_MAX + DATAGRAM_SIZE
