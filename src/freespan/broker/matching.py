"""Who is paired with whom. Pure: bridges and offers are names, time and sockets are somebody else's.

assign ──▶ pending ── settle (answer, refusal, time-out) ──▶ gone
              └────── leave (the bridge went) ──▶ returned to the caller, who assigns anew

Two that cannot connect (`fit`) are not paired, unless a relay can join them; then comes who has answered lately, then
who fits better, and chance chooses among equals. What a bridge says of itself helps it only so far: its load can only
take it out, because if the least loaded were preferred, one that lies would be given every reader; and the best that it
can say of its network puts it among those that really are open, of whom chance chooses. To say so again is no help.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from freespan.wire.limits import BRIDGES_MAX, MISSES_MAX, OFFERS_PER_BRIDGE
from freespan.wire.network import IMPOSSIBLE, Network, fit

_HARDLY = 2
"""The `fit` from which on a relay is offered, beside trying without."""


@dataclass
class _Bridge:
    capacity: int
    serving: int = 0
    pending: set[str] = field(default_factory=set)
    misses: int = 0
    network: Network | None = None

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

    def report_network(self, bridge: str, network: Network) -> None:
        """A bridge says what it has found out about its network; before that, it counts as unknown."""
        self._bridges[bridge].network = network

    def assign(
        self,
        offer: str,
        tried: Set[str] = frozenset(),
        network: Network | None = None,
        avoid: Set[str] = frozenset(),
        *,
        relayed: bool = False,
    ) -> str | None:
        """Choose a bridge for an offer: with room, neither tried nor to be avoided; or None.

        `network` is the client's. Two that cannot connect are paired only when nothing better is left and there is a
        relay for them (`relayed`).
        """
        free = {name: b for name, b in self._bridges.items() if b.free and name not in tried and name not in avoid}
        # there are few kinds of networks, however many bridges there are
        fits = {kind: fit(network, kind) for kind in {b.network for b in free.values()}}
        ranks: dict[tuple[bool, int, int], list[str]] = defaultdict(list)
        for name, b in free.items():
            impossible = fits[b.network] == IMPOSSIBLE
            if relayed or not impossible:
                ranks[impossible, b.misses, fits[b.network]].append(name)
        if not ranks:
            return None
        equals = ranks[min(ranks)]
        name = equals[self._choose(len(equals))]
        self._bridges[name].pending.add(offer)
        return name

    @property
    def has_plenty(self) -> bool:
        """Whether more than half of all places are free, so that some can go to clients who have one already."""
        return 2 * sum(b.free for b in self._bridges.values()) > sum(b.capacity for b in self._bridges.values())

    def has_room(self, avoid: Set[str] = frozenset()) -> bool:
        """Whether any bridge is free that is not to be avoided, whether a client could reach it or not."""
        return any(b.free and name not in avoid for name, b in self._bridges.items())

    def needs_relay(self, bridge: str, network: Network | None) -> bool:
        """Whether a bridge should offer a client of this network the way by a relay, too."""
        own = self._bridges[bridge].network
        return (own is not None and own.wants_relay) or fit(own, network) >= _HARDLY

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
