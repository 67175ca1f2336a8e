"""The scheduler: a packet goes to the link on which it will arrive first. Pure.

All acknowledgements come back the same way, so the time until a packet is acknowledged differs between links just as
its time of arrival does:

    seconds to ack = max(min_rtt, (in flight + the packet) / delivery rate)

A packet may start while any cwnd is left, so a link can exceed its cwnd by less than one packet. Rounding down would
waste much of a small window. When the best links are full, a packet may wait for one of them or
take a slower link. Which is right depends on how much more will come, which nobody knows. So patience decides: a slower
link is used once the faster ones have been full for as long as the slower one takes longer. An owner with little to
send never waits for a slow link; one with much to send loses that time once.

No full packet goes to a link that would bring it more than `BondSettings.spread_seconds` later than the best link would
if its cwnd were full. That bounds how far a slow link can hold back a fast one. Packets of at most half the full size
take whatever link is the fastest, without that limit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from freespan.link.bond.congestion import Phase
from freespan.link.bond.link_state import LinkState
from freespan.wire.limits import DATAGRAM_SIZE, LINK_QUEUE_MAX

OVERHEAD = 64
"""What a message has besides its packet: its head, the authentication tag, and a short acknowledgement."""
_FULL_SIZE = DATAGRAM_SIZE + OVERHEAD
_SMALL_SIZE = DATAGRAM_SIZE // 2
"""A packet of at most this size is the last of a burst or an acknowledgement: somebody waits for it."""
_SMALL_BEYOND_CWND = LINK_QUEUE_MAX // 4
"""How far small packets may exceed the congestion window."""


class Scheduler:
    """Remembers for how long the best links have been full."""

    def __init__(self, spread_seconds: float) -> None:
        self._spread_seconds = spread_seconds
        self._full_since = math.inf

    def on_ack(self, now: float, *, is_used_up: bool) -> None:
        """An acknowledgement has come; `is_used_up` says whether the owner had used all of its send credit."""
        self._full_since = min(self._full_since, now) if is_used_up else math.inf

    def choose(self, links: Sequence[LinkState], size: int, now: float) -> LinkState | None:
        """The link for a packet of `size` bytes; None when the packet should wait."""
        size += OVERHEAD
        if size <= _SMALL_SIZE:
            return _soonest(links, size)
        best, best_seconds = None, self._limit(links, now)
        for link in links:
            if link.cwnd_left > 0 and link.queue_left >= size:
                seconds = link.hoped_seconds_to_ack(size)
                if seconds < best_seconds:
                    best, best_seconds = link, seconds
        return best

    def send_credit(self, links: Sequence[LinkState], now: float) -> int:
        """How many bytes of whole packets the links take now."""
        limit = self._limit(links, now)
        packets = 0
        for link in links:
            congestion = link.congestion
            left = link.cwnd_left
            if math.isfinite(limit):
                if congestion.min_rtt > limit:
                    continue
                if congestion.phase is not Phase.STARTUP:
                    left = min(left, int(limit * congestion.rate) - congestion.in_flight)
            if left > 0:
                packets += min(-(-left // _FULL_SIZE), link.queue_left // _FULL_SIZE)
        return packets * DATAGRAM_SIZE

    def _limit(self, links: Sequence[LinkState], now: float) -> float:
        """The latest acknowledgement that is acceptable; infinite when there is nothing to compare."""
        if len(links) < 2:
            return math.inf
        patience = min(max(0.0, now - self._full_since), self._spread_seconds)
        return min(seconds_to_ack_when_full(link) for link in links) + patience


def seconds_to_ack_when_full(link: LinkState) -> float:
    """How long the acknowledgement of a packet takes that fills the link's congestion window."""
    congestion = link.congestion
    rtt = congestion.rtt_at_full_cwnd
    if not congestion.rate:
        return rtt
    return max(rtt, congestion.cwnd / congestion.rate) + _FULL_SIZE / congestion.rate  # cwnd is CWND_MIN at least


def _soonest(links: Sequence[LinkState], size: int) -> LinkState | None:
    fitting = [link for link in links if link.cwnd_left + _SMALL_BEYOND_CWND >= size and link.queue_left >= size]
    return min(fitting, key=lambda link: link.seconds_to_ack(size), default=None)
