"""When the other end is told what has come. Pure.

One acknowledgement speaks for all links: after `_EVERY` counted messages, or `_SECONDS` after the first of them,
whatever comes first; after a PING at once, and on the link of the PING. It goes along with a packet when one leaves.
"""

from __future__ import annotations

import math

_EVERY = 12
_SECONDS = 0.008
_ALONG_AFTER = 4
"""So many are worth the few bytes in a packet that leaves anyway."""


class Owed:
    """What has come since the last acknowledgement."""

    def __init__(self) -> None:
        self.due = math.inf
        """When it must be sent at the latest."""
        self.pinged: set[int] = set()
        """Links that asked for it."""
        self.packets = False
        """Whether packets are among what has come."""
        self._count = 0

    def counted(self, now: float, *, is_packet: bool) -> None:
        """A counted message has come."""
        self._count += 1
        self.packets = self.packets or is_packet
        if self._count >= _EVERY:
            self.due = min(self.due, now)
        elif self._count == 1:
            self.due = min(self.due, now + _SECONDS)

    def ping(self, link: int, now: float) -> None:
        """`link` asked."""
        self.pinged.add(link)
        self.due = min(self.due, now)

    def at_once(self, now: float) -> None:
        """Something has happened that the other end should see in the counts."""
        self.due = min(self.due, now)

    @property
    def goes_along(self) -> bool:
        """Whether a packet that leaves now should take it along."""
        return self._count >= _ALONG_AFTER

    def said(self) -> None:
        """It has been sent."""
        self.due = math.inf
        self._count = 0
        self.packets = False
        self.pinged.clear()
