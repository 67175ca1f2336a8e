"""The send buffer: packets are numbered, and kept until the other end has acknowledged them. Pure.

Links carry packets, and lose them when they close. A packet that no link carries any more waits to be sent again,
before all packets that have never been sent. From the first unacknowledged packet to the last one sent there are at
most `BOND_SPAN_MAX` bytes, so the receiver has to hold back no more than that until order is restored.
"""

from __future__ import annotations

import heapq
from collections import deque

from freespan.wire.limits import BOND_PACKET_COST, BOND_SPAN_MAX


class Packet:
    """A packet until it is acknowledged."""

    __slots__ = ("copies", "data", "end", "is_acked", "number", "was_sent")

    def __init__(self, number: int, data: bytes, end: int) -> None:
        self.number = number
        self.data = data
        self.end = end
        """Where it ends in the sequence of all packets, counted in their costs."""
        self.copies = 0
        """On how many links it is in flight and expected to arrive."""
        self.was_sent = False
        self.is_acked = False


class SendBuffer:
    """All packets that were accepted and are not acknowledged."""

    def __init__(self) -> None:
        self.retransmissions = 0
        """How many packets were sent again."""
        self._unacked: deque[Packet] = deque()
        self._waiting: list[tuple[int, Packet]] = []
        self._unsent_bytes = 0
        self._next_number = 0
        self._end = 0
        self._acked_end = 0

    @property
    def unacked_cost(self) -> int:
        """The cost of all from the first packet that is not acknowledged to the last that was accepted."""
        return self._end - self._acked_end

    @property
    def unsent_bytes(self) -> int:
        """What was accepted and never sent."""
        return self._unsent_bytes

    @property
    def span_left(self) -> int:
        """What may be accepted and sent before something must be acknowledged: a cost."""
        return BOND_SPAN_MAX - self.unacked_cost

    def accept(self, data: bytes) -> Packet:
        """Number a packet and keep it."""
        self._end += len(data) + BOND_PACKET_COST
        packet = Packet(self._next_number, data, self._end)
        self._next_number += 1
        self._unacked.append(packet)
        return packet

    def may_send(self, packet: Packet) -> bool:
        """Whether the receiver can hold it: a packet that was sent before takes no more of it."""
        return packet.was_sent or packet.end - self._acked_end <= BOND_SPAN_MAX

    def wait(self, packet: Packet) -> None:
        """No link carries it (any more)."""
        heapq.heappush(self._waiting, (packet.number, packet))
        if not packet.was_sent:
            self._unsent_bytes += len(packet.data)

    def next_waiting(self) -> Packet | None:
        """The first packet that waits for a link; those that were acknowledged meanwhile are forgotten."""
        while self._waiting:
            packet = self._waiting[0][1]
            if not packet.is_acked:
                return packet
            heapq.heappop(self._waiting)
        return None

    def on_leaving(self, packet: Packet) -> None:
        """`packet`, the next one that waits, goes to a link."""
        heapq.heappop(self._waiting)
        if packet.was_sent:
            self.retransmissions += 1
        else:
            self._unsent_bytes -= len(packet.data)

    def forget_acked(self) -> None:
        """Move the span on after acknowledgements."""
        unacked = self._unacked
        while unacked and unacked[0].is_acked:
            self._acked_end = unacked.popleft().end
