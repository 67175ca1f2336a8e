"""The sending side: packets get numbers and are kept until the other end has them. Pure.

Links carry packets and lose them when they die; a packet that no link carries any more waits to be sent again, before
all that has never been sent. From the first packet that is not acknowledged to the last one that was sent there are at
most `BOND_SPAN_MAX` bytes, and so the receiver has to hold back no more than that.
"""

from __future__ import annotations

import heapq
from collections import deque

from freespan.wire.limits import BOND_PACKET_COST, BOND_SPAN_MAX


class Packet:
    """A packet until it is acknowledged."""

    __slots__ = ("acked", "copies", "data", "end", "number", "was_sent")

    def __init__(self, number: int, data: bytes, end: int) -> None:
        self.number = number
        self.data = data
        self.end = end
        """Where it ends in the sequence of all packets, counted in their costs."""
        self.copies = 0
        """On how many links it is on its way and trusted to arrive."""
        self.was_sent = False
        self.acked = False


class Sending:
    """All packets that were taken and are not acknowledged."""

    def __init__(self) -> None:
        self.sent_again = 0
        """How many packets were sent more than once."""
        self._kept: deque[Packet] = deque()
        self._waiting: list[tuple[int, Packet]] = []
        self._unsent_bytes = 0
        self._number = 0
        self._end = 0
        self._acked_end = 0

    @property
    def kept_bytes(self) -> int:
        """From the first packet that is not acknowledged to the last that was taken, in costs."""
        return self._end - self._acked_end

    @property
    def unsent_bytes(self) -> int:
        """What was taken and never sent."""
        return self._unsent_bytes

    @property
    def span_left(self) -> int:
        """How much may be taken and sent before something must be acknowledged."""
        return BOND_SPAN_MAX - self.kept_bytes

    def take(self, data: bytes) -> Packet:
        """Number a packet and keep it."""
        self._end += len(data) + BOND_PACKET_COST
        packet = Packet(self._number, data, self._end)
        self._number += 1
        self._kept.append(packet)
        return packet

    def may_leave(self, packet: Packet) -> bool:
        """Whether the receiver can hold it: what was sent before needs no new place there."""
        return packet.was_sent or packet.end - self._acked_end <= BOND_SPAN_MAX

    def wait(self, packet: Packet) -> None:
        """No link carries it (any more)."""
        heapq.heappush(self._waiting, (packet.number, packet))
        if not packet.was_sent:
            self._unsent_bytes += len(packet.data)

    def next_waiting(self) -> Packet | None:
        """The first packet that waits for a link; what has arrived meanwhile is forgotten."""
        while self._waiting:
            packet = self._waiting[0][1]
            if not packet.acked:
                return packet
            heapq.heappop(self._waiting)
        return None

    def leaves(self, packet: Packet) -> None:
        """`packet`, the next one that waits, goes to a link."""
        heapq.heappop(self._waiting)
        if packet.was_sent:
            self.sent_again += 1
        else:
            self._unsent_bytes -= len(packet.data)

    def forget_acked(self) -> None:
        """Move the span on after acknowledgements."""
        kept = self._kept
        while kept and kept[0].acked:
            self._acked_end = kept.popleft().end
