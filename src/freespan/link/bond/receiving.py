"""The receiving side: puts packets into order again, each once. Pure.

Who keeps to the protocol has at most `BOND_SPAN_MAX` on its way, so no more than that is ever held back here.
"""

from __future__ import annotations

from freespan.wire.errors import MessageError
from freespan.wire.limits import BOND_PACKET_COST, BOND_SPAN_MAX


class Receiving:
    """What has come too early, and what is next."""

    def __init__(self) -> None:
        self.next = 0
        """The number of the packet that is delivered next."""
        self.held_bytes = 0
        """What waits for it, in costs."""
        self.doubles = 0
        """How many packets have come more than once."""
        self._held: dict[int, bytes] = {}

    def take(self, number: int, packet: bytes) -> list[bytes]:
        """A packet has come; returns what can be delivered now, in order. Raises `MessageError` beyond the bound."""
        if number == self.next:
            self.next = number + 1
            return [packet, *self._freed()] if self._held else [packet]
        if number < self.next or number in self._held:
            self.doubles += 1
            return []
        cost = len(packet) + BOND_PACKET_COST
        if self.held_bytes + cost > BOND_SPAN_MAX:
            raise MessageError("bond", "the other end sent more than may be on its way")
        self._held[number] = packet
        self.held_bytes += cost
        return []

    def _freed(self) -> list[bytes]:
        freed = []
        while (packet := self._held.pop(self.next, None)) is not None:
            self.held_bytes -= len(packet) + BOND_PACKET_COST
            self.next += 1
            freed.append(packet)
        return freed
