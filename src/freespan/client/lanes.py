"""How many lanes a session should have to one bridge. Pure.

SCTP halves its rate at each loss, whatever runs above it, so on a lossy road one association is the bottleneck, and
several to the same bridge carry several times as much. On a road without loss they would carry no more. So signs of
loss (`link/bond/stalls.py`) in a bridge that is busy, slow and steady are a reason to try, and what the trial has
brought decides: 1, 4, 8 lanes, as long as each step helps; one again when there is little to carry, or no loss.

A road that is merely full has stalls too, when SCTP fills its queue until it overflows; but then nothing is steady.
"""

from __future__ import annotations

from collections import deque

from freespan.wire.limits import LANES_MAX

_STEPS = (1, 4, LANES_MAX)
_BUSY = 64 * 1024
"""Bytes a second from which on more lanes may be of use,"""
_FAST = 4_000_000
"""and from which on not."""
_SECONDS = 8
"""So many of them are looked at."""
_SIGNS = 3
_SIGN_SECONDS = 2
"""Signs of loss in these, and in how many of the seconds there must be some."""
_SIGNS_OF_SECOND = 2
"""More of one second do not count: they may be one overflow."""
_LATELY = 2
"""In the last seconds there is one, too."""
_STEADY = 2
"""No second carries more than so many times the mean, or less than that part of it."""
_TRIAL_SECONDS = 6.0
"""So long new lanes may take to open and to show what they add."""
_JUDGED = 3
"""The last seconds of a trial, which count."""
_HELPS = 1.2
_PAUSE_SECONDS = 60.0
"""After lanes that did not help."""
_CALM_SECONDS = 25.0
"""After so long with little to carry, or without a sign of loss, one lane is enough."""


class LaneJudge:
    """One for each bridge; told every second what it carried. Times in seconds."""

    def __init__(self) -> None:
        self.wanted = 1
        self._seconds: deque[tuple[float, int]] = deque(maxlen=_SECONDS)
        self._before = 0.0
        self._fall_back = 1
        self._trial_ends = 0.0
        self._next_trial = 0.0
        self._busy_at = 0.0
        self._sign_at = 0.0

    def carried(self, rate: float, stalls: int, now: float) -> None:
        """`rate` in bytes a second, both directions, and signs of loss, over all lanes since the last call."""
        self._seconds.append((rate, stalls))
        if rate >= _BUSY:
            self._busy_at = now
        if stalls:
            self._sign_at = now
        if self._trial_ends:
            self._judge(now)
        elif now - min(self._busy_at, self._sign_at) >= _CALM_SECONDS:
            self.wanted = 1
        elif now >= self._next_trial and self._shows_loss():
            self._try_more(now)

    def _try_more(self, now: float) -> None:
        self._before, self._fall_back = self._rate(_JUDGED), self.wanted
        more = [step for step in _STEPS if step > self.wanted]
        if more and self._before < _FAST:
            self.wanted, self._trial_ends = more[0], now + _TRIAL_SECONDS

    def _judge(self, now: float) -> None:
        """Keep the lanes that are on trial, and try more; or do without them."""
        if now < self._trial_ends:
            return
        self._trial_ends = 0.0
        if self._rate(_JUDGED) >= _HELPS * self._before:
            self._try_more(now)
        else:
            self.wanted, self._next_trial = self._fall_back, now + _PAUSE_SECONDS

    def _rate(self, seconds: int) -> float:
        return sum(rate for rate, _ in list(self._seconds)[-seconds:]) / seconds

    def _shows_loss(self) -> bool:
        if len(self._seconds) < _SECONDS:
            return False
        mean = self._rate(_SECONDS)
        signs = [min(stalls, _SIGNS_OF_SECOND) for _, stalls in self._seconds]
        is_steady = all(mean / _STEADY <= rate <= mean * _STEADY for rate, _ in self._seconds)
        is_spread = sum(map(bool, signs)) >= _SIGN_SECONDS and any(signs[-_LATELY:])
        return _BUSY <= mean < _FAST and is_steady and is_spread and sum(signs) >= _SIGNS
