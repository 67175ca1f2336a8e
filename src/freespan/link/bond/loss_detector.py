"""Looks for loss signals on the links of a bond, in both directions. Pure.

On the way here, the times of the packets show them. On the way to the other end, the times of acknowledgements do, as
long as there is always more in flight.
"""

from __future__ import annotations

from freespan.link.bond.link_state import LinkState
from freespan.link.bond.link_table import LinkTable
from freespan.link.bond.loss_signals import CommonPauses, IdleDetector
from freespan.wire.limits import DATAGRAM_SIZE

_BUSY_BYTES = 2 * DATAGRAM_SIZE
"""With less in flight, acknowledgements come when there was something to send, and their times show nothing."""
_FULL_SIZE = DATAGRAM_SIZE // 2
"""Only packets of this size come one after the other. Smaller ones are sent when there is something to send."""
_COMPARABLE_SECONDS = 1.0
"""A link that has brought a packet within this long can be compared with another one."""


class LossDetector:
    """`overdue`: by how many seconds this end's timer is late, which shows that the process was held up."""

    def __init__(self, links: LinkTable) -> None:
        self._links = links
        self._packet_pauses = CommonPauses()
        self._ack_pauses = CommonPauses()
        self._idle = IdleDetector()

    def on_packet(self, link: LinkState, number: int, size: int, now: float, overdue: float) -> None:
        """Packet `number` has arrived on `link`; called before the times of the link are updated."""
        if size < _FULL_SIZE:
            return
        since = link.packet_received_at
        was_idle = self._idle.on_packet(link.number, number, since, now)
        self._packet_pauses.on_message(now, overdue=overdue)
        if link.received_loss.flows_on(now):
            return
        links, comparable_since = self._links.open.values(), since - _COMPARABLE_SECONDS
        is_alone = not any(other is not link and other.packet_received_at > comparable_since for other in links)
        if was_idle or self._packet_pauses.excuses(since, now, is_alone=is_alone):
            link.received_loss.on_excused(now)
        else:
            link.received_loss.on_messages(now, 1, link.min_rtt_ever)

    def on_acks(self, now: float, overdue: float) -> None:
        """An acknowledgement has arrived; `on_ack` follows for each of its links."""
        self._ack_pauses.on_message(now, overdue=overdue)

    def on_ack(self, link: LinkState, count: int, now: float) -> None:
        """It says that `count` messages have arrived on `link`; called before the link learns it."""
        newly_acked, since = count - link.acked_count, link.acked_at
        if newly_acked <= 0:
            return
        if link.sent_loss.flows_on(now):
            return
        is_alone = len(self._links.usable) < 2
        is_busy = link.in_flight_since <= since and link.congestion.in_flight >= _BUSY_BYTES
        if not is_busy or self._ack_pauses.excuses(since, now, is_alone=is_alone):
            link.sent_loss.on_excused(now)
        else:
            link.sent_loss.on_messages(now, newly_acked, link.min_rtt_ever)
