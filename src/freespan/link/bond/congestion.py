"""Congestion control of one link, end to end: how much may be in flight on it. Pure.

SCTP and TCP control congestion hop by hop below a link. The two ends of a link never see loss and cannot learn from it.
What they have to decide is how much may wait between them, most of it in a volunteer's browser: enough to keep the link
busy, and no more, or everything else waits behind it. So the congestion window follows the delivery rate and the
smallest round-trip time, as in BBR (Cardwell et al., ACM Queue 2016):

    cwnd = delivery rate x (1.25 x min_rtt + 15 ms)

The 15 ms cover what is not network: event loops that wake up in turn. On a fast path they dominate, on a slow one they
add little. The delivery rate is that of the acknowledgements or that of the sending, whichever is less: a client that
was held up for a moment acknowledges a heap of messages at once, and that says nothing about the link.

              for three round trips the rate has not grown by a quarter
    STARTUP ───────────────────────────────────────────────────────────▶ STEADY
                                                                         │    ▲
      10 s without a new min_rtt, or the rate has fallen by a tenth      │    │  min_rtt has been measured again,
      (the link is slower, or its path longer and cwnd too small for     ▼    │  on a message sent after draining
      that, which would make the rate fall further)                    PROBE_RTT
                                                             cwnd = 0.6 x rate x min_rtt

Nothing probes for bandwidth in STEADY. cwnd exceeds rate x min_rtt by a quarter and 15 ms, so there is always a little
more on its way than the link was seen to deliver; where a link has become faster, the rate shows it within rounds.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum
from typing import NamedTuple

from freespan.wire.limits import CWND_MAX, DATAGRAM_SIZE

CWND_MIN = 4 * DATAGRAM_SIZE
"""Smallest congestion window, in bytes."""
INITIAL_CWND = 16 * DATAGRAM_SIZE
_RTT_GAIN = 1.25
_SLACK_SECONDS = 0.015
# The delivery rate is the best one of the last ten round trips. Round trips that are older than 2 s and than ten times
# min_rtt do not count, but three always do: where a queue makes round trips long, an outdated rate is forgotten soon.
_RATE_ROUNDS = 10
_RATE_ROUNDS_MIN = 3
_RATE_SECONDS = 2.0
_MIN_RTT_SECONDS = 10.0
"""How long a smallest round-trip time counts."""
_CLOCK_SECONDS = 1e-6
"""No round trip is shorter than this, however coarse the clock is: 0 means that none is known."""
_STARTUP_GAIN = 3.0
"""During startup cwnd may be this many times what it would be in STEADY, but only until round trips show a queue, as in
HyStart++ (RFC 9406). A router drops what exceeds its queue, and an SCTP that loses much at once sends one packet in
each round trip until all of it has arrived, which takes half a minute."""
_QUEUE_RTTS = 1 / 8
"""A round trip that is longer than min_rtt by this share of it has seen a queue."""
_STARTUP_GROWTH = 0.7
"""Startup grows cwnd by this share of what was acknowledged, so by 1.7 in a round trip at most: a queue is seen a round
trip late, and should not overflow meanwhile."""
_STARTUP_RATE_GROWTH = 1.25
_STARTUP_ROUNDS_WITHOUT_GROWTH = 3
_RATE_FALL = 0.9
_PROBE_RTT_GAIN = 0.6
"""A little more than half of what the link holds leaves no queue. It costs a long link less than running dry would, and
makes the burst smaller with which it is filled again."""


class Phase(Enum):
    """The three states of the picture above."""

    STARTUP = "startup"
    STEADY = "steady"
    PROBE_RTT = "probe_rtt"


class SendState(NamedTuple):
    """How things stood when a message was sent (draft-cheng-iccrg-delivery-rate-estimation, section 3)."""

    size: int
    sent_at: float
    delivered: int
    delivered_at: float
    sending_since: float
    is_app_limited: bool
    """Whether too little was in flight to learn the rate from it."""


class CongestionController:
    """The congestion window of one link; sizes in bytes, times in seconds."""

    def __init__(self, initial_cwnd: int = INITIAL_CWND) -> None:
        self.cwnd = initial_cwnd
        self.in_flight = 0
        self.rate = 0.0
        """Bytes a second that the link has delivered at best in the last round trips; 0 when none is known."""
        self.min_rtt = 0.0
        """The smallest round-trip time of the last ten seconds; 0 before any was seen."""
        self.latest_rtt = 0.0
        """That of the last acknowledgement, queues included."""
        self.phase = Phase.STARTUP
        self._initial_cwnd = initial_cwnd
        self._delivered = 0
        self._delivered_at = 0.0
        self._sending_since = 0.0
        self._round_ends_at = 0
        self._round_rates: deque[float] = deque([0.0])
        self._round_began_at: deque[float] = deque([0.0])
        self._best_startup_rate = 0.0
        self._rounds_without_growth = 0
        self._min_rtt_at = -math.inf
        self._path_changed_at = math.inf
        self._rate_before_fall = 0.0
        """The best rate since the link was last drained."""
        self._knows_rate = False
        self._is_app_limited = False
        self._cwnd_before_drain = 0
        self._drained_at = math.inf

    @property
    def rtt_at_full_cwnd(self) -> float:
        """How long the acknowledgement of a message takes that fills cwnd: min_rtt and a little more."""
        return self.min_rtt * _RTT_GAIN + _SLACK_SECONDS

    # --- events --------------------------------------------------------------------------------------
    def on_sent(self, size: int, now: float) -> SendState:
        """A message leaves; what is returned comes back with `on_acked`."""
        if self.in_flight == 0:
            self._delivered_at = self._sending_since = now  # idle time is not the link's slowness
        self.in_flight += size
        is_app_limited = self.in_flight < self.cwnd // 2
        if self.phase is Phase.PROBE_RTT:
            is_app_limited = True  # what is in flight says nothing about the rate now
            if self.in_flight - size <= self.cwnd:
                self._drained_at = min(self._drained_at, now)
        return SendState(size, now, self._delivered, self._delivered_at, self._sending_since, is_app_limited)

    def on_acked(self, sent: SendState, now: float) -> None:
        """Learn the rate from an acknowledged message, and set cwnd."""
        size, sent_at, delivered, delivered_at, sending_since, is_app_limited = sent
        self.in_flight -= size
        self._delivered += size
        self._delivered_at = now
        seconds = max(now - delivered_at, sent_at - sending_since, 0.001)
        rate = (self._delivered - delivered) / seconds
        self._sending_since = sent_at
        if delivered >= self._round_ends_at:
            self._end_round(now, is_app_limited)
        if (rate > self.rate) if is_app_limited else (rate > self._round_rates[-1]):
            self._round_rates[-1] = rate
            self.rate = max(self.rate, rate)
        if not is_app_limited:
            self._knows_rate = True
        self._is_app_limited = is_app_limited
        self._set_cwnd(0 if is_app_limited else size)

    def on_rtt_sample(self, seconds: float, now: float) -> None:
        """Keep the smallest round-trip time of the last ten seconds; when it gets old, drain the link to see it again.

        Called once for each acknowledgement, after `on_acked`, with the newest of its messages.
        """
        seconds = self.latest_rtt = max(seconds, _CLOCK_SECONDS)
        if now - seconds >= self._path_changed_at:
            self._path_changed_at = math.inf
            self.min_rtt = max(self.min_rtt, (seconds - _SLACK_SECONDS) / _RTT_GAIN)
        if self.phase is Phase.PROBE_RTT:
            if now - seconds >= self._drained_at:  # sent after draining; earlier messages have seen the queue
                self.min_rtt, self._min_rtt_at = seconds, now
                self.phase, self.cwnd = Phase.STEADY, min(self._cwnd_before_drain, self._wanted(1))
        elif seconds <= self.min_rtt or not self.min_rtt:
            self.min_rtt, self._min_rtt_at = seconds, now
        elif self.phase is Phase.STARTUP:
            if self._is_app_limited and now - self._min_rtt_at > _MIN_RTT_SECONDS:  # no queue that could be drained
                self.min_rtt, self._min_rtt_at = seconds, now
        elif now - self._min_rtt_at > _MIN_RTT_SECONDS or self.rate < _RATE_FALL * self._rate_before_fall:
            self._drain()

    def on_path_changed(self, now: float) -> None:
        """The path of the acknowledgements may be longer from now on.

        The round trip of a message that is sent later shows it, and min_rtt is raised so that cwnd allows for it. It
        may be a queue that the message has seen, but never more of a queue than cwnd had allowed before.
        """
        self._path_changed_at = now

    def on_lagging(self) -> None:
        """Far less has come back than was promised: halve cwnd, until that has passed or the rate shows it."""
        self.cwnd = max(CWND_MIN, self.cwnd // 2)

    # --- states --------------------------------------------------------------------------------------
    def _end_round(self, now: float, is_app_limited: bool) -> None:
        self._round_ends_at = self._delivered
        if is_app_limited:
            return
        if self.phase is Phase.STARTUP:
            self._check_growth()
        self._round_rates.append(0.0)
        self._round_began_at.append(now)
        oldest = now - max(_RATE_SECONDS, _RATE_ROUNDS * self.min_rtt)
        while len(self._round_rates) > _RATE_ROUNDS or (
            len(self._round_rates) > _RATE_ROUNDS_MIN and self._round_began_at[0] < oldest
        ):
            self._round_rates.popleft()
            self._round_began_at.popleft()
        self.rate = max(self._round_rates)
        self._rate_before_fall = max(self._rate_before_fall, self.rate)

    def _check_growth(self) -> None:
        if self.rate >= self._best_startup_rate * _STARTUP_RATE_GROWTH:
            self._best_startup_rate = self.rate
            self._rounds_without_growth = 0
            return
        self._rounds_without_growth += 1
        if self._rounds_without_growth >= _STARTUP_ROUNDS_WITHOUT_GROWTH:
            self.phase = Phase.STEADY

    def _drain(self) -> None:
        self._cwnd_before_drain, self._drained_at = self.cwnd, math.inf
        self.phase = Phase.PROBE_RTT
        lowest_rate = min((rate for rate in self._round_rates if rate), default=0.0)  # the rate may have fallen since
        self.cwnd = max(CWND_MIN, int(_PROBE_RTT_GAIN * lowest_rate * self.min_rtt))
        self._rate_before_fall = self.rate

    # --- cwnd ----------------------------------------------------------------------------------------
    def _set_cwnd(self, growth: int) -> None:
        """Grow by at most what was acknowledged, and not for a sender that did not use what it had."""
        if self.phase is Phase.STARTUP:
            floor = 0 if self._knows_rate else self._initial_cwnd  # a rate of app-limited rounds would be too low
            gain = 1.0 if self._is_queued else _STARTUP_GAIN
            grown = self.cwnd + int(_STARTUP_GROWTH * growth)
            self.cwnd = min(grown, max(floor, self._wanted(gain)))
        elif self.phase is Phase.STEADY:
            self.cwnd = min(self.cwnd + growth, self._wanted(1))

    @property
    def _is_queued(self) -> bool:
        """Whether messages wait on their way, by the last round trip; event loops may have made it a little longer."""
        return self.latest_rtt - self.min_rtt > max(_QUEUE_RTTS * self.min_rtt, _SLACK_SECONDS)

    def _wanted(self, gain: float) -> int:
        wanted = gain * self.rate * self.rtt_at_full_cwnd if self.min_rtt else math.inf
        return int(max(CWND_MIN, min(wanted, CWND_MAX)))
