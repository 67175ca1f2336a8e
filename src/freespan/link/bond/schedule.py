"""Which link a packet goes to: the one on which it will arrive first. Pure.

All acknowledgements come back the same way, so the time until a packet's acknowledgement differs between links just as
its time of arrival does:

    arrival = max(smallest round trip, (what is on its way + the packet) / delivery rate)

A link takes no more than its window, and a packet that begins within it: on a slow link a window is a few packets, and
what is cut off would be missed. When the best ones are full, a packet may wait for one of them or go to a slower
one; what is right depends on how much more will come, which nobody knows. So patience decides: a slower link is used
once the faster ones have been full for as long as the slower one takes more. Who has little to send never waits for it,
and who has much loses that time once. And no packet goes to a link that would bring it more than `BOND_SPREAD_SECONDS`
later than the best one: that is how far a slow link can hold back a fast one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from freespan.link.bond.congestion import Phase
from freespan.link.bond.member import Member
from freespan.wire.limits import BOND_SPREAD_SECONDS, DATAGRAM_SIZE, LINK_QUEUE_MAX

OVERHEAD = 64
"""What a message has beside its packet: head, seal, and a short acknowledgement."""
_FULL = DATAGRAM_SIZE + OVERHEAD
_SMALL = DATAGRAM_SIZE // 2
"""A packet of this size or less is the last of a burst or an acknowledgement: somebody waits for it."""
_SMALL_BEYOND_WINDOW = LINK_QUEUE_MAX // 4
"""Small ones do not wait for a window, up to so much."""


class Scheduler:
    """Remembers how long the best links have been full."""

    def __init__(self) -> None:
        self._pressed_since = math.inf

    def pressed(self, now: float, *, is_full: bool) -> None:
        """Told at each acknowledgement: whether the owner had used up what it was given."""
        self._pressed_since = min(self._pressed_since, now) if is_full else math.inf

    def choose(self, members: Sequence[Member], size: int, now: float) -> Member | None:
        """The link for a packet of `size` bytes; None: it should wait."""
        size += OVERHEAD
        if size <= _SMALL:
            return _soonest(members, size)
        limit = self._limit(members, now)
        best, best_arrival = None, limit
        for member in members:
            if member.window_left > 0 and member.send_credit >= size:
                arrival = member.hopeful_arrival(size)
                if arrival < best_arrival:
                    best, best_arrival = member, arrival
        return best

    def send_credit(self, members: Sequence[Member], now: float) -> int:
        """How many bytes of whole packets the links take now."""
        limit = self._limit(members, now)
        room = 0  # in packets
        for member in members:
            window = member.window
            left = member.window_left
            if math.isfinite(limit):
                if window.min_rtt > limit:
                    continue
                if window.phase is not Phase.STARTUP:
                    left = min(left, int(limit * window.rate) - window.in_flight)
            if left > 0:
                room += min(-(-left // _FULL), member.send_credit // _FULL)
        return room * DATAGRAM_SIZE

    def _limit(self, members: Sequence[Member], now: float) -> float:
        """The latest arrival that is acceptable; infinite when there is nothing to compare."""
        if len(members) < 2:
            return math.inf
        patience = min(max(0.0, now - self._pressed_since), BOND_SPREAD_SECONDS)
        return min(arrival_when_full(member) for member in members) + patience


def arrival_when_full(member: Member) -> float:
    """When a packet is acknowledged that fills the link's window, in seconds from when it leaves."""
    window = member.window
    if not window.rate:
        return window.full_seconds
    return max(window.full_seconds, window.window / window.rate) + _FULL / window.rate  # no window is below FLIGHT_MIN


def _soonest(members: Sequence[Member], size: int) -> Member | None:
    fitting = [
        member for member in members if member.window_left + _SMALL_BEYOND_WINDOW >= size and member.send_credit >= size
    ]
    return min(fitting, key=lambda member: member.arrival(size), default=None)
