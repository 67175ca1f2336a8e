"""What a wide area link does to packets: delay, jitter, loss, rate and queue, in each direction. Pure.

    packet arrives ─▶ lost? ─▶ queue full? ─▶ sent at the rate ─▶ + delay + jitter ─▶ packet leaves

Packets of one direction never overtake each other, as on most network paths: jitter delays those behind as well.
`wan_process` carries real packets by these rules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions in one direction of a link."""

    delay_ms: float = 0.0
    """Of each packet, one way."""
    jitter_ms: float = 0.0
    """The most by which a packet takes longer; evenly distributed."""
    loss: float = 0.0
    """From 0 to 1, for each packet independently."""
    mb_s: float = 0.0
    """Rate in 10^6 bytes a second, IP headers included; 0 is unlimited."""
    queue_bytes: int = 256 * 1024
    """How much may wait to be sent; more is dropped. Has no effect without a rate."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The conditions in both directions: `up` leads from a node to its router."""

    up: Conditions = Conditions()
    down: Conditions = Conditions()

    @classmethod
    def both(cls, conditions: Conditions) -> Hop:
        """Return a hop with the same conditions in both directions."""
        return cls(conditions, conditions)


@dataclass(slots=True)
class Counts:
    """What has happened in one direction; times in nanoseconds."""

    passed: int = 0
    lost: int = 0
    overflowed: int = 0
    """Dropped because the queue was full."""
    late_ns_total: int = 0
    """Sum over all packets of how much too late they left."""
    late_ns_max: int = 0


@dataclass(slots=True)
class PacketQueue:
    """The packets of one direction that have not left yet."""

    conditions: Conditions
    counts: Counts = field(default_factory=Counts)
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    """Times of leaving (ns) and packets, in the order of leaving."""
    _free_at: int = 0
    _last_at: int = 0

    def arrive(self, now: int, packet: bytes, chance: Callable[[], float]) -> None:
        """Queue a packet or drop it.

        Args:
            now: when it arrives (ns).
            packet: its bytes.
            chance: returns a random number from 0 to 1.
        """
        conditions = self.conditions
        if conditions.loss and chance() < conditions.loss:
            self.counts.lost += 1
            return
        at = now
        if conditions.mb_s:
            turn = max(now, self._free_at)
            if (turn - now) * conditions.mb_s / 1000 + len(packet) > conditions.queue_bytes:
                self.counts.overflowed += 1
                return
            at = self._free_at = turn + int(len(packet) * 1000 / conditions.mb_s)
        at += int(conditions.delay_ms * 1e6)
        if conditions.jitter_ms:
            at += int(chance() * conditions.jitter_ms * 1e6)
        self._last_at = at = max(at, self._last_at)
        self.waiting.append((at, packet))
