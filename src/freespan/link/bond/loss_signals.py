"""Loss signals: evidence of lost packets on a link, seen in the times of its messages alone. Pure.

A link is reliable and ordered, so a lost packet below it shows as a pause: everything behind it waits for at least a
round trip, and then arrives at once. A path that is slow but loses nothing is even: messages arrive one by one, as fast
as it goes. So a loss signal is a pause that is followed, within a sixth of its length, by more than one message. A
single one proves nothing (`client/lanes/controller.py` says how many do).

Not every pause is the link's fault. It is excused when all links paused together, when this process was held up, and
when the link had nothing to carry.
"""

from __future__ import annotations

import math
from collections import deque

_PAUSE_MIN_SECONDS = 0.04
"""Shorter pauses are made by event loops, and by paths that hold packets up for a moment."""
_PAUSE_MIN_RTTS = 0.9
"""A retransmission takes a round trip. Shorter pauses are usual: while its window grows, SCTP sends in bursts."""
_PAUSE_MAX_SECONDS = 1.0
"""Longer pauses prove nothing: they are those of SCTP's retransmission timer (RTO.min is 1 s, RFC 9260 section 16), or
nothing was in flight."""
_BURST_SHARE = 1 / 6
"""The second message must follow within this share of the pause."""
_OVERDUE_SECONDS = 0.02
"""A timer that is overdue by this much shows that this process was held up."""
_PAUSE_BEGINNING = 1 / 4
"""The share of a pause that counts as its beginning."""
_REMEMBERED_PACKETS = 256
"""Packets of the last second, but no more than these: in a fast bond they are enough for shorter pauses."""


class LossSignals:
    """Counts the loss signals in one direction of a link; times in seconds."""

    def __init__(self) -> None:
        self.count = 0
        self.seen_at = -math.inf
        """When the last one ended."""
        self._last_at = -math.inf
        self._pause = 0.0

    def flows_on(self, now: float) -> bool:
        """A message has arrived; whether it neither ends a pause nor follows one, as most do.

        Then there is nothing to be excused, and neither `on_messages` nor `on_excused` need be called.
        """
        if self._pause or now - self._last_at >= _PAUSE_MIN_SECONDS:
            return False
        self._last_at = now
        return True

    def on_messages(self, now: float, count: int, min_rtt_ever: float) -> None:
        """`count` messages have arrived at once."""
        gap = now - self._last_at
        self._last_at = now
        if self._pause and gap <= _BURST_SHARE * self._pause:
            self._note_signal(now)
        elif gap < _PAUSE_MIN_SECONDS or gap < _PAUSE_MIN_RTTS * min_rtt_ever or gap > _PAUSE_MAX_SECONDS:
            self._pause = 0.0
        elif count > 1:
            self._note_signal(now)
        else:
            self._pause = gap

    def on_excused(self, now: float) -> None:
        """Whatever kept messages from arriving until now was not a loss."""
        self._last_at = now
        self._pause = 0.0

    def _note_signal(self, now: float) -> None:
        self.count += 1
        self.seen_at = now
        self._pause = 0.0


class CommonPauses:
    """What excuses the pause of one link: that all links paused together, or that this process was held up."""

    def __init__(self) -> None:
        self._last_at = self._began_at = self._ended_at = self._held_up_at = -math.inf

    def on_message(self, now: float, *, overdue: float) -> None:
        """Something has arrived on any link; the timer of this process is `overdue` by that many seconds."""
        if now - self._last_at >= _PAUSE_MIN_SECONDS:
            self._began_at, self._ended_at = self._last_at, now
        self._last_at = now
        if overdue > _OVERDUE_SECONDS:
            self._held_up_at = now

    def excuses(self, since: float, now: float, *, is_alone: bool) -> bool:
        """Whether the pause of a link is no evidence. A link that `is_alone` cannot be compared with another one."""
        if since < self._held_up_at:
            return True
        shared = min(self._ended_at, now) - max(self._began_at, since)
        return not is_alone and shared >= _PAUSE_MIN_SECONDS and shared >= (now - since) / 2


class IdleDetector:
    """Finds out by the numbers of packets whether a link paused because it had nothing to carry.

    Packets of all links are numbered together, in the order in which they are first sent. If this packet's number is
    higher than those that arrived on other links when the pause began, it was sent after the pause began; so the link
    was idle, and nothing was lost. A packet that a loss has held up was sent before, and has a lower number.
    """

    def __init__(self) -> None:
        self._arrivals: deque[tuple[float, int, int]] = deque(maxlen=_REMEMBERED_PACKETS)

    def on_packet(self, link_number: int, number: int, since: float, now: float) -> bool:
        """Packet `number` has arrived on a link that has brought none `since`; true when it was sent after that.

        Only the beginning of the pause counts, so that a link that is further away than others is not taken for idle.
        If nothing has arrived on the others by then, nothing is known.
        """
        arrivals, pause = self._arrivals, now - since
        highest = -1
        if pause >= _PAUSE_MIN_SECONDS:
            while arrivals and arrivals[0][0] < now - _PAUSE_MAX_SECONDS:
                arrivals.popleft()
            until = since + _PAUSE_BEGINNING * pause
            highest = max(
                (other for at, on, other in arrivals if on != link_number and since < at <= until), default=-1
            )
        arrivals.append((now, link_number, number))
        return 0 <= highest < number
