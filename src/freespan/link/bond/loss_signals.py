"""Evidence of loss on a link, by the times of its messages alone. Pure.

A link is reliable and ordered, so a lost packet shows as a pause: everything behind it waits for at least a round trip,
and then comes at once. A slow road without loss is even: its messages come one by one, as fast as it goes. So a stall
is a pause followed, within a sixth of it, by more than one message. One proves nothing; see `client/lanes/controller.py`.
"""

from __future__ import annotations

import math
from collections import deque

_LEAST_SECONDS = 0.04
"""Shorter pauses are made by event loops, and by roads that hold packets up for a moment."""
_ROUND_TRIPS = 0.9
"""What was lost is sent again, and that takes one. While its window grows, SCTP sends a burst in each."""
_MOST_SECONDS = 1.0
"""After longer ones nothing was on its way."""
_SOON = 6
_HELD_UP_SECONDS = 0.02
_BEGINNING = 1 / 4
"""Of a pause."""
_REMEMBERED = 256
"""Packets of the last second, but no more: in a fast bond they are enough for shorter pauses."""


class LossSignals:
    """Counts them for one direction of a link; times in seconds."""

    def __init__(self) -> None:
        self.count = 0
        self.seen_at = -math.inf
        """When the last one ended."""
        self._last = -math.inf
        self._pause = 0.0

    def came(self, now: float, messages: int, min_rtt: float) -> None:
        """So many messages that are worth counting have come at once."""
        gap = now - self._last
        self._last = now
        if self._pause and gap * _SOON <= self._pause:
            self._saw(now)
        elif gap < _LEAST_SECONDS or gap < _ROUND_TRIPS * min_rtt or gap > _MOST_SECONDS:
            self._pause = 0.0
        elif messages > 1:
            self._saw(now)
        else:
            self._pause = gap

    def _saw(self, now: float) -> None:
        self.count += 1
        self.seen_at = now
        self._pause = 0.0

    def excused(self, now: float) -> None:
        """Whatever kept messages from coming until now was not the link."""
        self._last = now
        self._pause = 0.0


class Pauses:
    """What excuses a pause of one link: that all links paused together, or that this process was held up."""

    def __init__(self) -> None:
        self._last = self._from = self._until = self._held_up_at = -math.inf

    def came(self, now: float, *, late: float) -> None:
        """Something came, on any link; a timer of this process that is overdue is so `late`."""
        if now - self._last >= _LEAST_SECONDS:
            self._from, self._until = self._last, now
        self._last = now
        if late > _HELD_UP_SECONDS:
            self._held_up_at = now

    def excuse(self, since: float, now: float, *, alone: bool) -> bool:
        """Whether a link's pause is no evidence. One that is `alone` has none to be compared with."""
        if since < self._held_up_at:
            return True
        together = min(self._until, now) - max(self._from, since)
        return not alone and together >= _LEAST_SECONDS and together >= (now - since) / 2


class Overtaking:
    """Whether a link paused because it had nothing to carry, told by the numbers of packets: they count all links'.

    What a loss has held up was sent before the pause, so packets that other links bring as it begins have higher
    numbers. A sender that gives a link nothing for a while, since the others are enough, then sends it new ones.
    """

    def __init__(self) -> None:
        self._came: deque[tuple[float, int, int]] = deque(maxlen=_REMEMBERED)

    def came(self, link: int, number: int, since: float, now: float) -> bool:
        """A packet has come on a link that has brought none `since`; true when it was sent after that.

        The beginning of the pause counts, so that a link that is further away than others is not taken for idle; if
        nothing came on them in that, nothing is known.
        """
        came, pause = self._came, now - since
        overtook = -1
        if pause >= _LEAST_SECONDS:
            while came and came[0][0] < now - _MOST_SECONDS:
                came.popleft()
            until = since + _BEGINNING * pause
            overtook = max((other for at, on, other in came if on != link and since < at <= until), default=-1)
        came.append((now, link, number))
        return 0 <= overtook < number
