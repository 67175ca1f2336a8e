"""Who is paired with whom. Pure: bridges and offers are names, time and sockets are somebody else's.

assign ──▶ pending ── settle (answer, refusal, time-out) ──▶ gone
              └────── leave (the bridge went) ──▶ returned to the caller, who assigns anew
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field

from freespan.wire.limits import BRIDGES_MAX, OFFERS_PER_BRIDGE


@dataclass
class _Bridge:
    capacity: int
    serving: int = 0
    pending: set[str] = field(default_factory=set)

    @property
    def free(self) -> int:
        if len(self.pending) >= OFFERS_PER_BRIDGE:
            return 0
        return max(0, self.capacity - self.serving - len(self.pending))


class Matching:
    """`choose(n)` returns a random index below n (passed in, so that tests decide)."""

    def __init__(self, choose: Callable[[int], int]) -> None:
        self._choose = choose
        self._bridges: dict[str, _Bridge] = {}

    def __len__(self) -> int:
        return len(self._bridges)

    def join(self, bridge: str, capacity: int) -> bool:
        """A bridge offers `capacity` sessions; false when the broker is full."""
        if len(self._bridges) >= BRIDGES_MAX:
            return False
        self._bridges[bridge] = _Bridge(capacity)
        return True

    def leave(self, bridge: str) -> Set[str]:
        """A bridge is gone; returns the offers that it owed an answer."""
        gone = self._bridges.pop(bridge, None)
        return gone.pending if gone is not None else set()

    def report(self, bridge: str, serving: int) -> None:
        """A bridge says how many sessions it serves."""
        self._bridges[bridge].serving = serving

    def assign(self, offer: str, tried: Set[str] = frozenset()) -> str | None:
        """Choose a bridge for an offer: not tried yet, with room, among the least loaded; None when there is none."""
        free = [(b.serving + len(b.pending), name) for name, b in self._bridges.items() if b.free and name not in tried]
        if not free:
            return None
        least = min(free)[0]
        names = [name for load, name in free if load == least]
        name = names[self._choose(len(names))]
        self._bridges[name].pending.add(offer)
        return name

    def settle(self, bridge: str, offer: str) -> bool:
        """An offer is over for this bridge; false when it was not waiting for it."""
        known = self._bridges.get(bridge)
        if known is None or offer not in known.pending:
            return False
        known.pending.remove(offer)
        return True
