"""How much may be on its way over one link, end to end. Pure: the clock is handed in.

SCTP and TCP look after the network, hop by hop, so an end never sees loss and cannot learn from it. What it has to
decide is how much may wait between the two ends, most of it in a volunteer's browser: enough to keep the pipe full, and
no more, or everything else waits behind it. So, as BBR does (Cardwell et al., ACM Queue 2016):

    window = delivery rate x (smallest round trip x 1.25 + 15 ms)

The 15 ms cover what is not network: event loops that wake up in turn. On a fast path they dominate, on a slow one they
add little. The delivery rate is that of the acknowledgements or that of the sending, whichever is less: a client that
was held up for a moment acknowledges a heap of packets at once, and that says nothing about the pipe.

    STARTUP ── the rate stops growing by a quarter for three round trips ──▶ STEADY
    STEADY  ── 10 s without a new smallest round trip ──▶ DRAIN (half a pipe, until that comes back) ──▶ STEADY
    STEADY  ── the rate falls by a tenth ──────────────▶ DRAIN: either the pipe is slower, or the way is longer and the
                                                         window too small for it, which would make the rate fall again
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from typing import NamedTuple

from freespan.wire.limits import DATAGRAM_SIZE, FLIGHT_MAX, FLIGHT_MIN

START_WINDOW = 16 * DATAGRAM_SIZE
_ROUND_TRIP_GAIN = 1.25
_SLACK_SECONDS = 0.015
_RATE_ROUNDS = 10
_RATE_SECONDS = 2.0
"""The best rate of so many round trips counts; of fewer, but three, where a queue makes them long: what is older than
so many seconds, or than so many of the smallest round trips, does not count."""
_MIN_ROUND_TRIP_SECONDS = 10.0
_CLOCK_SECONDS = 1e-6
"""No round trip is shorter, however coarse the clock: 0 means that none is known."""
_STARTUP_GAIN = 3.0
_QUEUE_ROUND_TRIPS = 1 / 8
"""Room to double in each round trip while the rate grows, but not once round trips tell of a queue, as in HyStart
(RFC 9406). A router drops what exceeds its own, and an SCTP that loses much at once sends one packet a round trip until
all of it has come, which takes half a minute."""
_STARTUP_GROWTH = 0.7
"""Of what was acknowledged: a queue is seen a round trip late, and should not overflow meanwhile."""
_FALL = 0.9
_DRAIN_GAIN = 0.6
"""A little more than half of what the pipe holds leaves no queue, costs a long pipe less than to run dry, and makes the
burst smaller with which it is filled again."""
_GROWTH = 1.25
_ROUNDS_WITHOUT_GROWTH = 3


class Phase(Enum):
    """The three states of the picture above."""

    STARTUP = "startup"
    STEADY = "steady"
    DRAIN = "drain"


class Departure(NamedTuple):
    """How things stood when a packet left (draft-cheng-iccrg-delivery-rate-estimation, section 3)."""

    size: int
    sent_at: float
    delivered: int
    delivered_at: float
    sending_since: float
    starved: bool


class CongestionController:
    """The window of one link; sizes in bytes, times in seconds. `start` is the window before anything is known."""

    def __init__(self, start: int = START_WINDOW) -> None:
        self.window = start
        self.in_flight = 0
        self.rate = 0.0
        """Bytes per second that the link has delivered at best in the last round trips; 0 when none is known."""
        self.min_rtt = 0.0
        """The smallest round trip of late; 0 before any was seen."""
        self.latest_rtt = 0.0
        """The last one, queues included."""
        self.phase = Phase.STARTUP
        self._start = start
        self._delivered = 0
        self._delivered_at = 0.0
        self._sending_since = 0.0
        self._round_ends_at = 0
        self._rates: deque[float] = deque([0.0])
        self._rates_began: deque[float] = deque([0.0])
        self._best_startup_rate = 0.0
        self._rounds_without_growth = 0
        self._round_trip_at = -math.inf
        self._road_changed_at = math.inf
        self._rate_at_round_trip = 0.0
        self._knows_rate = False
        self._starved = False
        self._window_before_drain = 0
        self._drained_at = math.inf

    @property
    def full_seconds(self) -> float:
        """How long a packet takes, there and back, that fills the window: the smallest round trip and a little more."""
        return self.min_rtt * _ROUND_TRIP_GAIN + _SLACK_SECONDS

    def sent(self, size: int, now: float) -> Departure:
        """A packet leaves; what is returned comes back with `acked` or `expired`."""
        if self.in_flight == 0:
            self._delivered_at = self._sending_since = now  # idle time is not the pipe's slowness
        self.in_flight += size
        starved = self.in_flight < self.window // 2
        if self.phase is Phase.DRAIN:
            starved = True  # the flight says nothing about the rate now
            if self.in_flight - size <= self.window:
                self._drained_at = min(self._drained_at, now)
        return Departure(size, now, self._delivered, self._delivered_at, self._sending_since, starved)

    def acked(self, departure: Departure, now: float) -> None:
        """Learn the rate from each acknowledged packet, and set the window."""
        size, sent_at, delivered, delivered_at, sending_since, starved = departure
        self.in_flight -= size
        self._delivered += size
        self._delivered_at = now
        seconds = max(now - delivered_at, sent_at - sending_since, 0.001)
        rate = (self._delivered - delivered) / seconds
        self._sending_since = sent_at
        if delivered >= self._round_ends_at:
            self._end_round(now, starved)
        if (rate > self.rate) if starved else (rate > self._rates[-1]):
            self._rates[-1] = rate
            self.rate = max(self.rate, rate)
        if not starved:
            self._knows_rate = True
        self._starved = starved
        self._set_window(0 if starved else size)

    def expired(self, departure: Departure) -> None:
        """A packet that needs no acknowledgement any more leaves the flight; that says nothing about the rate."""
        self.in_flight -= departure.size

    def slowed_down(self) -> None:
        """Far less came back than was promised. That may pass, or the rate tell of it in time; until then, half."""
        self.window = max(FLIGHT_MIN, self.window // 2)

    def begin_anew(self) -> None:
        """Forget the rate: nothing came back for long."""
        self.window = self._start
        self.phase = Phase.STARTUP
        self.rate = self._rate_at_round_trip = 0.0
        self._rates, self._rates_began = deque([0.0]), deque([0.0])
        self._best_startup_rate = 0.0
        self._rounds_without_growth = 0
        self._knows_rate = False

    def road_changed(self, now: float) -> None:
        """The way may be longer from now on.

        A packet that is sent later tells: then the window is made for what it has seen. That may be a queue, but it is
        never more queue than the window had allowed before.
        """
        self._road_changed_at = now

    def on_rtt_sample(self, seconds: float, now: float) -> None:
        """Keep the smallest round trip of the last ten seconds; when it gets old, drain the pipe to see it again.

        Called once an acknowledgement, after `acked`, with the newest of its packets.
        """
        seconds = self.latest_rtt = max(seconds, _CLOCK_SECONDS)
        if now - seconds >= self._road_changed_at:
            self._road_changed_at = math.inf
            self.min_rtt = max(self.min_rtt, (seconds - _SLACK_SECONDS) / _ROUND_TRIP_GAIN)
        if self.phase is Phase.DRAIN:
            if now - seconds >= self._drained_at:  # sent into the drained pipe; earlier ones have seen the queue
                self.min_rtt, self._round_trip_at = seconds, now
                self.phase, self.window = Phase.STEADY, min(self._window_before_drain, self._wanted(1))
        elif seconds <= self.min_rtt or not self.min_rtt:
            self.min_rtt, self._round_trip_at = seconds, now
        elif self.phase is Phase.STARTUP:
            if self._starved and now - self._round_trip_at > _MIN_ROUND_TRIP_SECONDS:  # no queue that could be drained
                self.min_rtt, self._round_trip_at = seconds, now
        elif now - self._round_trip_at > _MIN_ROUND_TRIP_SECONDS or self.rate < _FALL * self._rate_at_round_trip:
            self._drain()

    def _drain(self) -> None:
        self._window_before_drain, self._drained_at = self.window, math.inf
        self.phase = Phase.DRAIN
        careful_rate = min((rate for rate in self._rates if rate), default=0.0)  # it may have dropped since
        self.window = max(FLIGHT_MIN, int(_DRAIN_GAIN * careful_rate * self.min_rtt))
        self._rate_at_round_trip = self.rate

    def _end_round(self, now: float, starved: bool) -> None:
        self._round_ends_at = self._delivered
        if self.phase is Phase.STARTUP and not starved:
            if self.rate >= self._best_startup_rate * _GROWTH:
                self._best_startup_rate = self.rate
                self._rounds_without_growth = 0
            else:
                self._rounds_without_growth += 1
                if self._rounds_without_growth >= _ROUNDS_WITHOUT_GROWTH:
                    self.phase = Phase.STEADY
        if not starved:
            self._rates.append(0.0)
            self._rates_began.append(now)
            oldest = now - max(_RATE_SECONDS, _RATE_ROUNDS * self.min_rtt)
            while len(self._rates) > _RATE_ROUNDS or (len(self._rates) > 3 and self._rates_began[0] < oldest):
                self._rates.popleft()
                self._rates_began.popleft()
            self.rate = max(self._rates)
            self._rate_at_round_trip = max(self._rate_at_round_trip, self.rate)

    def _set_window(self, growth: int) -> None:
        """Grow by at most what was acknowledged, and not for a sender that did not use what it had."""
        if self.phase is Phase.STARTUP:
            least = 0 if self._knows_rate else self._start
            gain = 1.0 if self._is_queued else _STARTUP_GAIN
            grown = self.window + int(_STARTUP_GROWTH * growth)
            self.window = min(grown, max(least, self._wanted(gain)))
        elif self.phase is Phase.STEADY:
            self.window = min(self.window + growth, self._wanted(1))

    @property
    def _is_queued(self) -> bool:
        """Whether packets wait on their way, by the last round trip; event loops may have made it a little longer."""
        least = max(_QUEUE_ROUND_TRIPS * self.min_rtt, _SLACK_SECONDS)
        return self.latest_rtt - self.min_rtt > least

    def _wanted(self, gain: float) -> int:
        wanted = gain * self.rate * self.full_seconds if self.min_rtt else math.inf
        return int(max(FLIGHT_MIN, min(wanted, FLIGHT_MAX)))
