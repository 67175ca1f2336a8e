"""How many lanes a session should have to one bridge. Pure.

SCTP halves its rate at each loss, whatever runs above it, so on a lossy transport one association is the bottleneck, and
several to the same bridge carry several times as much. On a transport without loss they would carry no more. So signs of
loss (`link/bond/loss_signals.py`) in a bridge that is busy, slow and steady are a reason to try, and what the trial has
brought decides: 1, 4, 8 lanes, as long as each step helps; one again when there is little to carry, or no loss.

A transport that is merely full has loss_signals too, when SCTP fills its queue until it overflows; but then nothing is steady.

Where a lane carries two or three messages a second their times tell nothing. There it is a sign that messages keep
waiting above the network and packets do not wait in it (`client/lanes/queueing.py`): so the transport is not full, and it is SCTP
that carries no more. A trial takes longer there, and must bring more.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from freespan.client.lanes.queueing import Place
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
_SLOW = 96 * 1024
"""A lane that carries less, in bytes a second, is too slow for signs in the times of messages;"""
_LEAST = 8 * 1024
"""but so much the bridge carries, or it has nothing to carry."""
_WAITING_SECONDS = 6
"""In so many seconds messages wait above, and in none does the network's queue hold up packets."""


class _Terms(NamedTuple):
    """What is asked of a trial."""

    seconds: float
    """So long new lanes may take to open and to show what they add."""
    judged: int
    """The last seconds of it, which count; and as many before it."""
    helps: float
    """So many times as much they carry together, or they go again."""


_USUAL = _Terms(6.0, 3, 1.2)
_SLOW_ROAD = _Terms(14.0, 8, 1.3)
_PAUSE_SECONDS = 60.0
"""After lanes that did not help."""
_CALM_SECONDS = 25.0
"""After so long with little to carry, or without a sign of loss, one lane is enough."""


class _Second(NamedTuple):
    rate: float
    loss_signals: int
    waits: Place


class LaneController:
    """One for each bridge; told every second what it carried. Times in seconds."""

    def __init__(self) -> None:
        self.wanted = 1
        self._seconds: deque[_Second] = deque(maxlen=_SECONDS)
        self._terms = _USUAL
        self._before = 0.0
        self._fall_back = 1
        self._trial_ends = 0.0
        self._next_trial = 0.0
        self._busy_at = 0.0
        self._sign_at = 0.0

    def carried(self, rate: float, loss_signals: int, waits: Place, now: float) -> None:
        """`rate` in bytes a second, both directions, and signs of loss, over all lanes since the last call.

        `waits` is where what is on its way waits now.
        """
        self._seconds.append(_Second(rate, loss_signals, waits))
        is_held_up = waits is Place.ABOVE and rate >= _LEAST
        if rate >= _BUSY or is_held_up:
            self._busy_at = now
        if loss_signals or is_held_up:
            self._sign_at = now
        if self._trial_ends:
            self._judge(now)
        elif now - min(self._busy_at, self._sign_at) >= _CALM_SECONDS:
            self.wanted = 1
        elif now >= self._next_trial and (self._shows_loss() or self._waits_above()):
            self._try_more(now)

    def _try_more(self, now: float) -> None:
        self._terms = _SLOW_ROAD if self._is_slow else _USUAL
        self._before, self._fall_back = self._rate(self._terms.judged), self.wanted
        more = [step for step in _STEPS if step > self.wanted]
        if more and self._before < _FAST:
            self.wanted, self._trial_ends = more[0], now + self._terms.seconds

    def _judge(self, now: float) -> None:
        """Keep the lanes that are on trial, and try more; or do without them."""
        if now < self._trial_ends:
            return
        self._trial_ends = 0.0
        if self._rate(self._terms.judged) >= self._terms.helps * self._before:
            self._try_more(now)
        else:
            self.wanted, self._next_trial = self._fall_back, now + _PAUSE_SECONDS

    def _rate(self, seconds: int) -> float:
        return sum(second.rate for second in list(self._seconds)[-seconds:]) / seconds

    @property
    def _is_slow(self) -> bool:
        return self._rate(_SECONDS) < _SLOW * self.wanted

    def _shows_loss(self) -> bool:
        if len(self._seconds) < _SECONDS:
            return False
        mean = self._rate(_SECONDS)
        signs = [min(second.loss_signals, _SIGNS_OF_SECOND) for second in self._seconds]
        is_steady = all(mean / _STEADY <= second.rate <= mean * _STEADY for second in self._seconds)
        is_spread = sum(map(bool, signs)) >= _SIGN_SECONDS and any(signs[-_LATELY:])
        return _BUSY <= mean < _FAST and is_steady and is_spread and sum(signs) >= _SIGNS

    def _waits_above(self) -> bool:
        if len(self._seconds) < _SECONDS or self._rate(_SECONDS) < _LEAST or not self._is_slow:
            return False
        places = [second.waits for second in self._seconds]
        return Place.NETWORK not in places and places.count(Place.ABOVE) >= _WAITING_SECONDS
