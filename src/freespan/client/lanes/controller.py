"""How many links a session should have to one bridge: the first one and its lanes. Pure.

        signs of loss          helps             helps
    1 ────────────────▶ try 4 ───────▶ try 8 ──────────▶ 8
    ▲                     │ does not     │ does not
    └─────────────────────┘              └──▶ 4              from any number: little to carry, or no loss ──▶ 1

There are two signs of loss. On a bridge that is busy, slow and steady it is the loss signals of its messages
(`link/bond/loss_signals.py`). A path that is merely full has them too, when SCTP fills its queue until it overflows,
but then the rate is not steady. On a link that carries only two or three messages a second, the times of messages prove
nothing. There the sign is that messages keep queueing in SCTP while IP packets do not queue in the network
(`queueing.py`): the path is not full, so it is SCTP that limits the rate. Such a trial takes longer and must gain more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from freespan.client.lanes.queueing import Queue

_HISTORY_SECONDS = 8
"""How many of the last seconds decide whether there is a sign of loss."""
_BUSY_RATE = 64 * 1024
"""Bytes a second from which on more links may be of use."""
_FAST_RATE = 4_000_000
"""Bytes a second from which on more links are of no use."""

_LOSS_SIGNALS_MIN = 3
"""Loss signals within the history that are a sign of loss."""
_LOSSY_SECONDS_MIN = 2
"""Seconds within the history that must have a loss signal."""
_LOSS_SIGNALS_PER_SECOND_MAX = 2
"""Loss signals of one second that count; more may all come from one overflow."""
_RECENT_SECONDS = 2
"""The last seconds of the history, in which there must be a loss signal as well."""
_STEADY_FACTOR = 2
"""The rate is steady when no second's rate differs from the mean by more than this factor."""

_SLOW_LINK_RATE = 96 * 1024
"""Bytes a second below which a link is too slow for the times of its messages to prove anything."""
_TRICKLE_RATE = 8 * 1024
"""Bytes a second below which a bridge has nothing to carry."""
_SCTP_QUEUE_SECONDS_MIN = 6
"""Seconds within the history in which messages must queue in SCTP; in none of them may they queue in the network."""

_REST_SECONDS = 60.0
"""Wait after a trial that did not help."""
_CALM_SECONDS = 25.0
"""After this long with little to carry, or without a sign of loss, the first link is enough."""


class LaneSample(NamedTuple):
    """What all links to a bridge did in one second: `rate` in bytes a second, both directions together."""

    rate: float
    loss_signals: int
    queue: Queue


class _Trial(NamedTuple):
    """The conditions of a trial."""

    seconds: float
    """How long new links have to open and to show what they add."""
    compared_seconds: int
    """The last seconds of the trial, whose rate is compared with as many seconds before it."""
    gain: float
    """The factor by which the rate must grow, or the new links close again."""


_USUAL_TRIAL = _Trial(6.0, 3, 1.2)
_SLOW_TRIAL = _Trial(14.0, 8, 1.3)


class LaneController:
    """One for each bridge; `on_second` is called every second. Times are in seconds of any monotonic clock.

    `steps` are the numbers of links that are tried, one after the other.
    """

    def __init__(self, steps: Sequence[int]) -> None:
        self.links_wanted = 1
        """How many links there should be, the first one included."""
        self._steps = steps
        self._history: deque[LaneSample] = deque(maxlen=_HISTORY_SECONDS)
        self._trial = _USUAL_TRIAL
        self._rate_before_trial = 0.0
        self._wanted_before_trial = 1
        self._trial_ends = 0.0
        self._next_trial = 0.0
        self._last_busy = 0.0
        self._last_lossy = 0.0

    def on_second(self, sample: LaneSample, now: float) -> None:
        """Take what the bridge has done since the last call, and decide."""
        self._history.append(sample)
        is_held_up = sample.queue is Queue.SCTP and sample.rate >= _TRICKLE_RATE
        if sample.rate >= _BUSY_RATE or is_held_up:
            self._last_busy = now
        if sample.loss_signals or is_held_up:
            self._last_lossy = now
        if self._trial_ends:
            self._end_trial(now)
        elif now - min(self._last_busy, self._last_lossy) >= _CALM_SECONDS:
            self.links_wanted = 1
        elif now >= self._next_trial and (self._shows_loss() or self._queues_in_sctp()):
            self._begin_trial(now)

    def _begin_trial(self, now: float) -> None:
        self._trial = _SLOW_TRIAL if self._is_slow else _USUAL_TRIAL
        self._rate_before_trial, self._wanted_before_trial = self._rate(self._trial.compared_seconds), self.links_wanted
        more = [step for step in self._steps if step > self.links_wanted]
        if more and self._rate_before_trial < _FAST_RATE:
            self.links_wanted, self._trial_ends = more[0], now + self._trial.seconds

    def _end_trial(self, now: float) -> None:
        """When its time is over: keep the links that have helped and try more, or go back."""
        if now < self._trial_ends:
            return
        self._trial_ends = 0.0
        if self._rate(self._trial.compared_seconds) >= self._trial.gain * self._rate_before_trial:
            self._begin_trial(now)
        else:
            self.links_wanted, self._next_trial = self._wanted_before_trial, now + _REST_SECONDS

    def _rate(self, seconds: int) -> float:
        """The mean rate of the last seconds."""
        return sum(sample.rate for sample in list(self._history)[-seconds:]) / seconds

    @property
    def _is_slow(self) -> bool:
        return self._rate(_HISTORY_SECONDS) < _SLOW_LINK_RATE * self.links_wanted

    def _shows_loss(self) -> bool:
        if len(self._history) < _HISTORY_SECONDS:
            return False
        mean = self._rate(_HISTORY_SECONDS)
        signals = [min(sample.loss_signals, _LOSS_SIGNALS_PER_SECOND_MAX) for sample in self._history]
        is_steady = all(mean / _STEADY_FACTOR <= sample.rate <= mean * _STEADY_FACTOR for sample in self._history)
        is_spread = sum(map(bool, signals)) >= _LOSSY_SECONDS_MIN and any(signals[-_RECENT_SECONDS:])
        return _BUSY_RATE <= mean < _FAST_RATE and is_steady and is_spread and sum(signals) >= _LOSS_SIGNALS_MIN

    def _queues_in_sctp(self) -> bool:
        if len(self._history) < _HISTORY_SECONDS or self._rate(_HISTORY_SECONDS) < _TRICKLE_RATE or not self._is_slow:
            return False
        queues = [sample.queue for sample in self._history]
        return Queue.NETWORK not in queues and queues.count(Queue.SCTP) >= _SCTP_QUEUE_SECONDS_MIN
