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

No call looks at all bridges. Those that are free stand in an index of groups, by network and misses; there are few
groups, however many bridges there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Set
from dataclasses import dataclass, field

from freespan.broker.nat import Connectivity, connectivity, needs_turn
from freespan.broker.settings import BrokerSettings
from freespan.wire.network import Network


@dataclass(eq=False, slots=True)
class _Bridge:
    """What is known of one bridge.

    Attributes:
        source: where it comes from, or None if that is not known.
        pending: the few offers that wait for its answer.
        misses: offers in a row that it refused or did not answer.
        group: where it stands in the index; None while it is not free.
        place: its index in the group.
    """

    name: str
    capacity: int
    source: Hashable | None
    sessions: int = 0
    pending: tuple[str, ...] = ()
    misses: int = 0
    network: Network | None = None
    group: _Group | None = None
    place: int = 0

    @property
    def free_places(self) -> int:
        return max(0, self.capacity - self.sessions - len(self.pending))


@dataclass(eq=False, slots=True)
class _Group:
    """The free bridges that are equal in every respect that counts. All changes take constant time."""

    network: Network | None
    misses: int
    bridges: list[_Bridge] = field(default_factory=list)

    def add(self, bridge: _Bridge) -> None:
        bridge.group, bridge.place = self, len(self.bridges)
        self.bridges.append(bridge)

    def remove(self, bridge: _Bridge) -> None:
        last = self.bridges.pop()
        if last is not bridge:
            self.bridges[bridge.place] = last
            last.place = bridge.place
        bridge.group = None


class Matching:
    """The bridges of one broker, and the offers that wait for their answers.

    `choose(n)` returns a random index below n; it is passed in, so that tests decide.
    """

    def __init__(self, choose: Callable[[int], int], settings: BrokerSettings | None = None) -> None:
        self._choose = choose
        self._settings = settings or BrokerSettings()
        self._bridges: dict[str, _Bridge] = {}
        self._groups: dict[tuple[Network | None, int], _Group] = {}
        self._places = 0
        self._free_places = 0

    def __len__(self) -> int:
        return len(self._bridges)

    # --- what bridges report ---------------------------------------------------------------------
    def join(self, bridge: str, capacity: int, source: Hashable | None = None) -> None:
        """Add a bridge that takes `capacity` sessions. Others bound how many there are."""
        self._bridges[bridge] = joined = _Bridge(bridge, capacity, source)
        self._enter(joined)

    def leave(self, bridge: str) -> Set[str]:
        """Remove a bridge; returns the offers that it has not answered."""
        gone = self._bridges.pop(bridge, None)
        if gone is None:
            return frozenset()
        self._withdraw(gone)
        return frozenset(gone.pending)

    def report_load(self, bridge: str, sessions: int) -> None:
        """Note how many sessions a bridge has."""
        known = self._bridges[bridge]
        self._withdraw(known)
        known.sessions = sessions
        self._enter(known)

    def report_network(self, bridge: str, network: Network) -> None:
        """Note what a bridge has found out about its network; before that, its network is unknown."""
        known = self._bridges[bridge]
        self._withdraw(known)
        known.network = network
        self._enter(known)

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
        excluded = self._free_ones(tried | avoid)
        ranks: dict[tuple[bool, int, Connectivity], list[_Group]] = defaultdict(list)
        for group in self._groups.values():
            chance = connectivity(network, group.network)
            is_impossible = chance is Connectivity.IMPOSSIBLE
            if group.bridges and (has_turn or not is_impossible):
                ranks[is_impossible, group.misses, chance].append(group)
        for rank in sorted(ranks):
            chosen = self._chosen(ranks[rank], excluded)
            if chosen is not None:
                self._withdraw(chosen)
                chosen.pending += (offer,)
                self._enter(chosen)
                return chosen.name
        return None

    @property
    def is_mostly_free(self) -> bool:
        """Whether more than half of all places are free, so that some can go to clients who have a bridge already."""
        return 2 * self._free_places > self._places

    def has_free_bridge(self, avoid: Set[str] = frozenset()) -> bool:
        """Whether a bridge outside `avoid` is free, even if the client could not connect to it."""
        return sum(len(group.bridges) for group in self._groups.values()) > len(self._free_ones(avoid))

    def needs_turn(self, bridge: str, network: Network | None) -> bool:
        """Whether a bridge should offer a client with this network a TURN server's candidates as well."""
        own = self._bridges[bridge].network
        return (own is not None and needs_turn(own)) or connectivity(own, network) >= Connectivity.UNLIKELY

    # --- how it went -----------------------------------------------------------------------------
    def awaits(self, bridge: str, offer: str) -> bool:
        """Whether an offer waits for the answer of this bridge."""
        known = self._bridges.get(bridge)
        return known is not None and offer in known.pending

    def settle(self, bridge: str, offer: str) -> bool:
        """Note that an offer no longer waits for a bridge; returns false when it did not wait for this one."""
        if not self.awaits(bridge, offer):
            return False
        known = self._bridges[bridge]
        self._withdraw(known)
        known.pending = tuple(other for other in known.pending if other != offer)
        self._enter(known)
        return True

    def count_answer(self, bridge: str) -> None:
        """A bridge has answered; its earlier misses are forgotten."""
        self._set_misses(self._bridges[bridge], 0)

    def count_miss(self, bridge: str) -> bool:
        """A bridge has refused, or not answered in time. True if it is to be disconnected (`misses_max` in a row)."""
        known = self._bridges.get(bridge)
        if known is None:
            return False
        self._set_misses(known, known.misses + 1)
        return known.misses >= self._settings.misses_max

    # --- the index -------------------------------------------------------------------------------
    def _set_misses(self, bridge: _Bridge, misses: int) -> None:
        if misses != bridge.misses:
            self._withdraw(bridge)
            bridge.misses = misses
            self._enter(bridge)

    def _enter(self, bridge: _Bridge) -> None:
        """Count a bridge, and put it into the index if it is free. Before anything of it changes, it is withdrawn."""
        self._places += bridge.capacity
        if len(bridge.pending) >= self._settings.offers_per_bridge or bridge.misses >= self._settings.misses_max:
            return
        self._free_places += bridge.free_places
        if bridge.free_places:
            key = (bridge.network, bridge.misses)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = _Group(*key)
            group.add(bridge)

    def _withdraw(self, bridge: _Bridge) -> None:
        self._places -= bridge.capacity
        if bridge.group is not None:
            self._free_places -= bridge.free_places
            bridge.group.remove(bridge)

    def _free_ones(self, names: Iterable[str]) -> list[_Bridge]:
        known = (self._bridges.get(name) for name in names)
        return [bridge for bridge in known if bridge is not None and bridge.group is not None]

    def _chosen(self, groups: list[_Group], excluded: list[_Bridge]) -> _Bridge | None:
        """Let chance choose among the bridges of these groups, by one draw that skips the places of `excluded`."""
        total = 0
        skipped: list[int] = []
        for group in groups:
            skipped += [total + bridge.place for bridge in excluded if bridge.group is group]
            total += len(group.bridges)
        if total == len(skipped):
            return None
        place = self._choose(total - len(skipped))
        for each in sorted(skipped):
            place += each <= place
        for group in groups:
            if place < len(group.bridges):
                return group.bridges[place]
            place -= len(group.bridges)
        raise IndexError("choose must return an index below the number that it is given")
