"""The reorder buffer: packets that took different links are put back into order, and each is delivered once. Pure.

A sender that keeps to the protocol has at most `BOND_SPAN_MAX` in flight, so no more than that is ever held back. One
packet can release tens of thousands that are small, so they are delivered some at a time.
"""

from __future__ import annotations

from freespan.wire.errors import MessageError
from freespan.wire.limits import BOND_PACKET_COST, BOND_SPAN_MAX

RELEASED_MAX = 1_024
"""How many packets are delivered at once."""


class ReorderBuffer:
    """Holds back the packets that have arrived too early."""

    def __init__(self) -> None:
        self.next_number = 0
        """The number of the packet that is delivered next."""
        self.held_cost = 0
        """The cost of what waits for that packet."""
        self.duplicates = 0
        """How many packets have arrived more than once."""
        self.is_ready = False
        """Whether something that was held back can be delivered."""
        self._held: dict[int, bytes] = {}

    def receive(self, number: int, packet: bytes) -> list[bytes]:
        """Returns what to deliver now, in order. Raises `MessageError` when too much would be held back.

        If `is_ready` then, there is more to deliver (`release`).
        """
        if number == self.next_number:
            self.next_number = number + 1
            return [packet, *self.release()] if self._held else [packet]
        if number < self.next_number or number in self._held:
            self.duplicates += 1
            return []
        cost = len(packet) + BOND_PACKET_COST
        if self.held_cost + cost > BOND_SPAN_MAX:
            raise MessageError("bond", "the other end sent more than may be in flight")
        self._held[number] = packet
        self.held_cost += cost
        return []

    def release(self) -> list[bytes]:
        """Up to `RELEASED_MAX` packets that were held back and can be delivered now."""
        released: list[bytes] = []
        while len(released) < RELEASED_MAX and (packet := self._held.pop(self.next_number, None)) is not None:
            self.held_cost -= len(packet) + BOND_PACKET_COST
            self.next_number += 1
            released.append(packet)
        self.is_ready = self.next_number in self._held
        return released
