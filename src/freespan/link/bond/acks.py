"""Pending acknowledgements: when the other end learns what has arrived. Pure.

One acknowledgement speaks for all links. It is due after `_MESSAGES` ack-eliciting messages, or `_DELAY_SECONDS` after
the first of them, whichever comes first. A PING makes it due at once, on the link of the PING. It is piggybacked on a
packet that leaves meanwhile. That does not answer the PINGs of other links, and leaves out the reports of closed links,
so it remains due for these.
"""

from __future__ import annotations

import math

_MESSAGES = 12
_DELAY_SECONDS = 0.008
_PIGGYBACK_MESSAGES = 4
"""This many messages are worth the few bytes in a packet that leaves anyway."""


class PendingAcks:
    """What has arrived since the last acknowledgement; times in seconds."""

    def __init__(self) -> None:
        self.due_at = math.inf
        """When an acknowledgement must be sent at the latest."""
        self.pinged_links: set[int] = set()
        """The links that asked for one."""
        self.has_packets = False
        """Whether packets are among what has arrived."""
        self._count = 0
        self._has_reports = False

    def on_message(self, now: float, *, has_packet: bool) -> None:
        """An ack-eliciting message has arrived."""
        self._count += 1
        self.has_packets = self.has_packets or has_packet
        if self._count >= _MESSAGES:
            self.due_at = min(self.due_at, now)
        elif self._count == 1:
            self.due_at = min(self.due_at, now + _DELAY_SECONDS)

    def on_ping(self, number: int, now: float) -> None:
        """A PING has arrived on link `number`."""
        self.pinged_links.add(number)
        self.due_at = min(self.due_at, now)

    def send_with_reports(self, now: float) -> None:
        """Closed links must be reported, with the acknowledgement, at once."""
        self._has_reports = True
        self.due_at = min(self.due_at, now)

    @property
    def should_piggyback(self) -> bool:
        """Whether a packet that leaves now should carry the acknowledgement."""
        return self._count >= _PIGGYBACK_MESSAGES

    def on_piggybacked(self, number: int) -> None:
        """The acknowledgement has been sent with a packet on link `number`."""
        self._count = 0
        self.has_packets = False
        self.pinged_links.discard(number)
        if not self.pinged_links and not self._has_reports:
            self.due_at = math.inf

    def on_sent(self) -> None:
        """The acknowledgement has been sent with all reports, on all links that asked for one."""
        self._has_reports = False
        self.due_at = math.inf
        self._count = 0
        self.has_packets = False
        self.pinged_links.clear()
