"""Who is paired with whom. Pure: bridges and offers are names, time and sockets are somebody else's.

assign ──▶ pending ── settle (answer, refusal, time-out) ──▶ gone
              └────── leave (the bridge went) ──▶ returned to the caller, who assigns anew

Chance chooses among the bridges that have room. What a bridge says of its load can only take it out: if the least
loaded were preferred, one that lies would be given every reader.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field

from freespan.wire.limits import BRIDGES_MAX, MISSES_MAX, OFFERS_PER_BRIDGE


@dataclass
class _Bridge:
    capacity: int
    serving: int = 0
    pending: set[str] = field(default_factory=set)
    misses: int = 0

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
        """Choose a bridge for an offer: not tried yet, with room, none that was silent if there is another; or None."""
        free = [(b.misses, name) for name, b in self._bridges.items() if b.free and name not in tried]
        if not free:
            return None
        least = min(free)[0]
        names = [name for misses, name in free if misses == least]
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

    def answered(self, bridge: str) -> None:
        """A bridge has given an answer: what it missed before is forgotten."""
        self._bridges[bridge].misses = 0

    def missed(self, bridge: str) -> bool:
        """A bridge has let an offer wait in vain; true when it is time to send it away (`MISSES_MAX` in a row)."""
        known = self._bridges.get(bridge)
        if known is None:
            return False
        known.misses += 1
        return known.misses >= MISSES_MAX
