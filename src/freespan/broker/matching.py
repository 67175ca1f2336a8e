"""Which bridge gets which offer. Pure: bridges and offers are names; others have the clock and the sockets.

              assign                  settle (answer, refusal, timeout)
    (new) ────────────▶ pending ──────────────────────────────────────▶ (done)
                           │
                           └── leave (the bridge is gone) ──▶ returned to the caller, who assigns it again

Two ends that cannot connect are paired only by a TURN server, and only if no other bridge is free. Among the rest,
those that answered lately come first, then those with the better `connectivity`; chance chooses among equals.

A bridge cannot attract readers by what it reports. Its load can only exclude it: if the least loaded bridge were
preferred, a bridge that lies would be given every reader. The best network that it can report makes it equal to the
bridges that really are open, and repeating the report changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from freespan.broker.nat import Connectivity, connectivity, needs_turn
from freespan.broker.settings import BrokerSettings
from freespan.wire.network import Network


@dataclass
class _Bridge:
    """What is known of one bridge; `timeouts` counts offers in a row that it did not answer."""

    capacity: int
    sessions: int = 0
    pending: set[str] = field(default_factory=set)
    timeouts: int = 0
    network: Network | None = None

    @property
    def free_places(self) -> int:
        return max(0, self.capacity - self.sessions - len(self.pending))


class Matching:
    """The bridges of one broker, and the offers that wait for their answers.

    `choose(n)` returns a random index below n; it is passed in, so that tests decide.
    """

    def __init__(self, choose: Callable[[int], int], settings: BrokerSettings | None = None) -> None:
        self._choose = choose
        self._settings = settings or BrokerSettings()
        self._bridges: dict[str, _Bridge] = {}

    def __len__(self) -> int:
        return len(self._bridges)

    # --- what bridges report ---------------------------------------------------------------------
    def join(self, bridge: str, capacity: int) -> bool:
        """Add a bridge that takes `capacity` sessions; returns false when the broker is full."""
        if len(self._bridges) >= self._settings.bridges_max:
            return False
        self._bridges[bridge] = _Bridge(capacity)
        return True

    def leave(self, bridge: str) -> Set[str]:
        """Remove a bridge; returns the offers that it has not answered."""
        gone = self._bridges.pop(bridge, None)
        return gone.pending if gone is not None else set()

    def report_load(self, bridge: str, sessions: int) -> None:
        """Note how many sessions a bridge has."""
        self._bridges[bridge].sessions = sessions

    def report_network(self, bridge: str, network: Network) -> None:
        """Note what a bridge has found out about its network; before that, its network is unknown."""
        self._bridges[bridge].network = network

    # --- what clients ask for --------------------------------------------------------------------
    def assign(
        self,
        offer: str,
        tried: Set[str] = frozenset(),
        network: Network | None = None,
        avoid: Set[str] = frozenset(),
        *,
        has_turn: bool = False,
    ) -> str | None:
        """Choose a free bridge for an offer, none of `tried` and `avoid`; returns None when there is none.

        `network` is the client's; `has_turn` tells whether a TURN server could connect the two.
        """
        free = self._free(tried | avoid)
        # There are few kinds of networks, however many bridges there are.
        chances = {kind: connectivity(network, kind) for kind in {b.network for b in free.values()}}
        ranks: dict[tuple[bool, int, Connectivity], list[str]] = defaultdict(list)
        for name, bridge in free.items():
            chance = chances[bridge.network]
            is_impossible = chance is Connectivity.IMPOSSIBLE
            if has_turn or not is_impossible:
                ranks[is_impossible, bridge.timeouts, chance].append(name)
        if not ranks:
            return None
        equals = ranks[min(ranks)]
        chosen = equals[self._choose(len(equals))]
        self._bridges[chosen].pending.add(offer)
        return chosen

    @property
    def is_mostly_free(self) -> bool:
        """Whether more than half of all places are free, so that some can go to clients who have a bridge already."""
        places = sum(b.capacity for b in self._bridges.values())
        return 2 * sum(self._free_places(b) for b in self._bridges.values()) > places

    def has_free_bridge(self, avoid: Set[str] = frozenset()) -> bool:
        """Whether a bridge outside `avoid` is free, even if the client could not connect to it."""
        return bool(self._free(avoid))

    def needs_turn(self, bridge: str, network: Network | None) -> bool:
        """Whether a bridge should offer a client with this network a TURN server's candidates as well."""
        own = self._bridges[bridge].network
        return (own is not None and needs_turn(own)) or connectivity(own, network) >= Connectivity.UNLIKELY

    # --- how it went -----------------------------------------------------------------------------
    def settle(self, bridge: str, offer: str) -> bool:
        """Note that an offer no longer waits for a bridge; returns false when it did not wait for this one."""
        known = self._bridges.get(bridge)
        if known is None or offer not in known.pending:
            return False
        known.pending.remove(offer)
        return True

    def count_answer(self, bridge: str) -> None:
        """A bridge has answered; its earlier timeouts are forgotten."""
        self._bridges[bridge].timeouts = 0

    def count_timeout(self, bridge: str) -> bool:
        """A bridge has not answered in time; returns true when it is to be disconnected (`timeouts_max` in a row)."""
        known = self._bridges.get(bridge)
        if known is None:
            return False
        known.timeouts += 1
        return known.timeouts >= self._settings.timeouts_max

    def _free(self, excluded: Set[str]) -> dict[str, _Bridge]:
        return {name: b for name, b in self._bridges.items() if name not in excluded and self._free_places(b)}

    def _free_places(self, bridge: _Bridge) -> int:
        return 0 if len(bridge.pending) >= self._settings.offers_per_bridge else bridge.free_places
