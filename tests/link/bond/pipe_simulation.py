"""A pipe with a rate, a delay and an endless queue, on a clock of its own.

A sender under a `CongestionController` fills it.
"""

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

from freespan.link.bond.congestion import CongestionController, SendState
from freespan.wire.limits import DATAGRAM_SIZE


@dataclass
class Pipe:
    """`rate` in bytes a second, `delay` there and back in seconds; `tick` > 0: acknowledgements come in batches."""

    rate: float
    delay: float
    tick: float = 0.0
    wants: Callable[[float], bool] = lambda now: True
    send_credit: Callable[["Pipe"], int] | None = None
    control: CongestionController = field(default_factory=CongestionController)
    now: float = 100.0
    delivered: int = 0
    queue_peak: float = 0.0
    cwnd_peak: int = 0

    def __post_init__(self) -> None:
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, SendState]] = []
        self._free_at = self.now
        self._back_at_least = self.now

    @property
    def product(self) -> float:
        """Bytes that the pipe holds without any queue."""
        return self.rate * self.delay

    @property
    def queue(self) -> float:
        """Bytes that wait for the pipe."""
        return max(0.0, self._free_at - self.now) * self.rate

    def run(self, seconds: float) -> float:
        """Let time pass; returns the bytes a second that came through, and notes the peaks."""
        end, before = self.now + seconds, self.delivered
        self.queue_peak = self.cwnd_peak = 0
        self._send()
        step = 0.005
        while self.now < end:
            until = min(end, self.now + step)
            while self._events and self._events[0][0] <= until:
                self._acknowledge()
                self._send()
            self.now = max(self.now, until)
            self._send()
        return (self.delivered - before) / seconds

    def hold_up(self, seconds: float, rate: float) -> None:
        """The other end does nothing for a while, then acknowledges at `rate` bytes a second what has come."""
        at = self.now + seconds
        moved: list[tuple[float, int, SendState]] = []
        for back, number, sent in sorted(self._events):
            at = max(at + sent.size / rate, back)
            moved.append((at, number, sent))
        self._events[:] = moved
        self._back_at_least = at

    def _send(self) -> None:
        control = self.control
        while self.wants(self.now):
            allowed = control.cwnd - control.in_flight
            if self.send_credit is not None:
                allowed = min(allowed, self.send_credit(self))
            if allowed < DATAGRAM_SIZE:
                break
            sent = control.on_sent(DATAGRAM_SIZE, self.now)
            self._free_at = max(self.now, self._free_at) + sent.size / self.rate
            back = self._free_at + self.delay
            if self.tick:
                back = math.ceil(back / self.tick) * self.tick
            back = max(back, self._back_at_least)
            heapq.heappush(self._events, (back, next(self._numbers), sent))
        self.queue_peak = max(self.queue_peak, self.queue)
        self.cwnd_peak = max(self.cwnd_peak, control.cwnd)

    def _acknowledge(self) -> None:
        """All packets of one acknowledgement, then one measurement of the round trip."""
        self.now = max(self.now, self._events[0][0])
        last = None
        while self._events and self._events[0][0] <= self.now:
            _, _, last = heapq.heappop(self._events)
            self.delivered += last.size
            self.control.on_acked(last, self.now)
        assert last is not None
        self.control.on_rtt_sample(self.now - last.sent_at, self.now)
