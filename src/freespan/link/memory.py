"""A pair of links in memory, with the bounds, delays and sudden ends of real ones: for tests and simulations."""

from __future__ import annotations

import asyncio
from collections import deque

from freespan.link.base import OVERRUN, TOO_EARLY, DeliveryQueue, LinkOwner, SendQueueLimit
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX, PIPE_WAITING_MAX


class MemoryLink:
    """One end of a pair; made by `memory_pair`. `delay` in seconds, `rate` in bytes per second (0: unbounded)."""

    def __init__(self, delay: float, rate: float) -> None:
        self._deliveries = DeliveryQueue(LINK_QUEUE_MAX)
        self._peer: MemoryLink | None = None
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._delay = delay
        self._rate = rate
        self._pumping = False
        self._closing = False
        self._queue_limit = SendQueueLimit()
        self.sent_bytes = 0
        self.queue_peak = 0

    def start(self, owner: LinkOwner) -> None:
        """See `Link.start`."""
        self._deliveries.start(owner)

    @property
    def send_credit(self) -> int:
        """See `Link.send_credit`."""
        return self._queue_limit.send_credit(self._queued_bytes)

    def send(self, message: bytes) -> None:
        """See `Link.send`."""
        if self._closing or self._deliveries.is_closed:
            return
        if not 0 < len(message) <= MESSAGE_MAX:
            raise ValueError(f"a message has 1 to {MESSAGE_MAX} bytes")
        self._queue.append(message)
        self._queued_bytes += len(message)
        self.queue_peak = max(self.queue_peak, self._queued_bytes)
        if self._queued_bytes > PIPE_WAITING_MAX:
            self.close(OVERRUN)
        self._pump_soon()

    def close(self, reason: str = "closed") -> None:
        """See `Link.close`; the other end learns of it after the delay."""
        if self._closing:
            return
        self._closing = True
        loop = asyncio.get_running_loop()
        loop.call_soon(self._deliveries.end, reason)
        if self._peer is not None:
            loop.call_later(self._delay, self._peer._lose, "the other end closed the link")
            self._peer = None

    def _receive(self, message: bytes) -> None:
        if not self._deliveries.deliver(message):
            self.close(TOO_EARLY)

    def _lose(self, reason: str) -> None:
        self._closing = True
        self._peer = None
        self._deliveries.end(reason)

    def _pump_soon(self) -> None:
        if self._pumping or not self._queue:
            return
        self._pumping = True
        pause = len(self._queue[0]) / self._rate if self._rate else 0.0
        asyncio.get_running_loop().call_later(pause, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._closing or self._peer is None:
            return
        message = self._queue.popleft()
        self._queued_bytes -= len(message)
        self.sent_bytes += len(message)
        asyncio.get_running_loop().call_later(self._delay, self._peer._receive, message)
        if self._queue_limit.has_drained(self._queued_bytes):
            self._deliveries.report_writable()
        self._pump_soon()


def memory_pair(*, delay: float = 0.0, rate: float = 0.0) -> tuple[MemoryLink, MemoryLink]:
    """Two connected ends; `delay` one way in seconds, `rate` in bytes per second for each direction (0: unbounded)."""
    left, right = MemoryLink(delay, rate), MemoryLink(delay, rate)
    left._peer, right._peer = right, left
    return left, right
