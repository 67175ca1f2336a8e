"""Which bridge gets which offer. Pure: bridges and offers are names; others have the clock and the sockets.

              assign                  settle (answer, refusal, timeout)
    (new) ────────────▶ pending ──────────────────────────────────────▶ (done)
                           │
                           └── leave (the bridge is gone) ──▶ returned to the caller, who assigns it again

Two ends that cannot connect are paired only by a TURN server, and only if no other bridge is free. Among the rest,
bridges that have proved themselves come first, if they are likely to connect; then those that are not mute, then those
with the better `connectivity`. One offer in four prefers bridges that have proved nothing yet, so that they can.
Chance chooses among equals, by network first (free_bridges.py).

A bridge cannot attract readers by what it reports. Its load can only exclude it: if the least loaded bridge were
preferred, a bridge that lies would be given every reader. The best network that it can report makes it equal to the
bridges that really are open, and repeating the report changes nothing.

No call looks at all bridges. Those that are free stand in an index of groups, by network, misses and proof; there are
few groups, however many bridges there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, KeysView, Set
from dataclasses import dataclass
from typing import NamedTuple

from freespan.broker.free_bridges import FreeBridges, Item, draw, draw_one_of
from freespan.broker.nat import Connectivity, connectivity, needs_turn
from freespan.broker.settings import BrokerSettings
from freespan.sources.source import Source
from freespan.wire.network import Network

_FEW = 64
"""Bridges that are looked at where an offer is for some bridges alone."""
_Rank = tuple[bool, bool, bool, Connectivity]
"""Whether a pair is impossible, not preferred, or mute, and the connectivity: the least comes first."""


class _Kind(NamedTuple):
    """What makes bridges equal: their network, whether they lately gave no answers, and whether they are proved."""

    network: Network | None
    is_mute: bool
    is_proved: bool


class _Request(NamedTuple):
    """What a client asks for: its network, the bridges that this offer prefers, and whether there is a TURN server."""

    network: Network | None
    preferred: bool | None
    has_turn: bool

    def rank_of(self, kind: _Kind) -> _Rank | None:
        """How well bridges of a kind fit; None if they cannot be reached."""
        chance = connectivity(self.network, kind.network)
        if self.preferred is not None and not kind.is_proved:
            modest = connectivity(self.network, _without_claim(kind.network))
            chance = max(chance, modest if self.has_turn else min(modest, Connectivity.UNLIKELY))
        is_impossible = chance is Connectivity.IMPOSSIBLE
        if is_impossible and not self.has_turn:
            return None
        is_preferred = kind.is_proved is self.preferred and chance < Connectivity.UNLIKELY
        return is_impossible, not is_preferred, kind.is_mute, chance


def _without_claim(network: Network | None) -> Network:
    """The network of a bridge that only says that it is open, or nothing: most volunteers are behind a cone."""
    if network is None:
        return Network("cone", "cone")
    ipv4, ipv6 = ("cone" if mapping == "open" else mapping for mapping in (network.ipv4, network.ipv6))
    return Network(ipv4, ipv6)


@dataclass(slots=True)
class _Places:
    """Those of all bridges in one network."""

    count: int = 0
    free: int = 0

    @property
    def are_mostly_free(self) -> bool:
        return 2 * self.free > self.count


class _Group(FreeBridges["_Bridge"]):
    """The free bridges of one kind."""

    def __init__(self, kind: _Kind) -> None:
        super().__init__()
        self.kind = kind


@dataclass(eq=False, slots=True)
class _Bridge(Item):
    """What is known of one bridge.

    Attributes:
        group: where it stands in the index, or None while it is not free.
        source: where it comes from, or None if that is not known.
        pending: the few offers that wait for its answer.
        unanswered: to whom it has given no answer since its last one: networks, or None.
        refused: whom it has refused what another bridge took, in the same time.
        is_proved: whether readers have reached the egress through it.
    """

    name: str
    capacity: int
    source: Source | None
    sessions: int = 0
    pending: tuple[str, ...] = ()
    unanswered: frozenset[bytes | None] = frozenset()
    refused: frozenset[bytes | None] = frozenset()
    network: Network | None = None
    is_proved: bool = False
    group: _Group | None = None

    @property
    def is_mute(self) -> bool:
        return None in self.unanswered or len(self.unanswered) > 1

    @property
    def free_places(self) -> int:
        return max(0, self.capacity - self.sessions - len(self.pending))

    @property
    def kind(self) -> _Kind:
        return _Kind(self.network, self.is_mute, self.is_proved)


class Matching:
    """The bridges of one broker, and the offers that wait for their answers.

    `choose(n)` returns a random index below n; it is passed in, so that tests decide.
    """

    def __init__(self, choose: Callable[[int], int], settings: BrokerSettings | None = None) -> None:
        self._choose = choose
        self._settings = settings or BrokerSettings()
        self._bridges: dict[str, _Bridge] = {}
        self._groups: dict[_Kind, _Group] = {}
        self._places: dict[Hashable, _Places] = {}
        """By network; a bridge whose source is not known is one of its own."""
        self._networks: dict[Network, Network] = {}
        """One object for all bridges that report the same; there are few."""
        self._mostly_free = 0
        self._unused_places = 0

    def __len__(self) -> int:
        return len(self._bridges)

    @property
    def names(self) -> KeysView[str]:
        """The bridges that are connected, as they come and go."""
        return self._bridges.keys()

    # --- what bridges report ---------------------------------------------------------------------
    def join(self, bridge: str, capacity: int, source: Source | None = None) -> None:
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
        known.network = self._networks.setdefault(network, network)
        self._enter(known)

    def set_proved(self, bridge: str, is_proved: bool) -> None:
        """Note whether a bridge has proved itself."""
        known = self._bridges[bridge]
        if known.is_proved != is_proved:
            self._withdraw(known)
            known.is_proved = is_proved
            self._enter(known)

    def __contains__(self, bridge: str) -> bool:
        return bridge in self._bridges

    # --- what clients ask for --------------------------------------------------------------------
    def assign(
        self,
        offer: str,
        tried: Set[str] = frozenset(),
        network: Network | None = None,
        avoid: Set[str] = frozenset(),
        *,
        has_turn: bool = False,
        only: Set[str] | None = None,
        takes_newcomers: bool = True,
    ) -> str | None:
        """Choose a free bridge for an offer, none of `tried` and `avoid`; returns None when there is none.

        `network` is the client's; `has_turn` tells whether a TURN server could connect the two. With `only`, it is one
        of those few bridges. Without `takes_newcomers`, the offer is none of those that prefer bridges without a proof.
        """
        excluded = tried | avoid
        request = _Request(network, self._preferred_proof(takes_newcomers=takes_newcomers), has_turn)
        chosen = self._best(request, excluded) if only is None else self._best_of(only - excluded, request)
        if chosen is None:
            return None
        self._set_pending(chosen, (*chosen.pending, offer))
        return chosen.name

    @property
    def is_mostly_free(self) -> bool:
        """Whether so much is free that some places can go to clients who have a bridge already.

        That is if most networks of bridges have more than half of their places free. Each counts once, or one with many
        bridges could say that nothing is free, or everything.
        """
        return 2 * self._mostly_free > len(self._places)

    @property
    def unused_places(self) -> int:
        """How many places are free in all, those included at which no offer may be made just now."""
        return self._unused_places

    def places_of(self, bridge: str) -> tuple[int, int]:
        """How many places of a bridge are taken, and how many are free."""
        known = self._bridges[bridge]
        return known.capacity - known.free_places, known.free_places

    def has_free_bridge(self, avoid: Set[str] = frozenset()) -> bool:
        """Whether a bridge outside `avoid` is free, even if the client could not connect to it."""
        return sum(group.count for group in self._groups.values()) > len(self._free_ones(avoid))

    def region_of(self, bridge: str) -> str:
        """A word for the region that a bridge comes from; empty if that is not known, or if the bridge is gone."""
        known = self._bridges.get(bridge)
        return known.source.region if known is not None and known.source is not None else ""

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
        self._set_pending(known, tuple([other for other in known.pending if other != offer]))
        return True

    def count_answer(self, bridge: str) -> None:
        """A bridge has answered; its earlier misses are forgotten."""
        self.forget_misses(bridge)

    def forget_misses(self, bridge: str) -> None:
        """Begin to count misses anew. Nothing happens if the bridge is gone."""
        if bridge in self._bridges:
            self._set_missed(self._bridges[bridge], frozenset(), frozenset())

    def count_miss(self, bridge: str, network: bytes | None = None, *, is_refusal: bool = False) -> bool:
        """A bridge has refused what another one took, or not answered in time. True if it is to be disconnected.

        `network` is a hash of that of the reader. Misses in a row count once for each network, so that nobody gets
        bridges sent away who has fewer than `misses_max`. Readers who are not known send none away. Silence changes
        the rank if two have met it. A refusal never does: whoever makes an offer that others cannot use, and has a
        bridge that takes it, would decide which bridges are asked.
        """
        known = self._bridges.get(bridge)
        if known is None:
            return False
        if is_refusal:
            self._set_missed(known, known.unanswered, known.refused | {network})
        else:
            self._set_missed(known, known.unanswered | {network}, known.refused)
        return self._is_out(known)

    # --- the index -------------------------------------------------------------------------------
    def _set_pending(self, bridge: _Bridge, pending: tuple[str, ...]) -> None:
        """This changes twice for each offer, and hardly ever whether a bridge is free: then it stays where it is."""
        taken = len(pending) - len(bridge.pending)
        has_room = len(pending) < min(self._settings.offers_per_bridge, bridge.capacity - bridge.sessions)
        if bridge.group is not None and has_room:
            bridge.pending = pending
            self._unused_places -= taken
            self._count(bridge, 0, -taken)
        else:
            self._withdraw(bridge)
            bridge.pending = pending
            self._enter(bridge)

    def _set_missed(
        self, bridge: _Bridge, unanswered: frozenset[bytes | None], refused: frozenset[bytes | None]
    ) -> None:
        if (unanswered, refused) != (bridge.unanswered, bridge.refused):
            self._withdraw(bridge)
            bridge.unanswered, bridge.refused = unanswered, refused
            self._enter(bridge)

    def _is_out(self, bridge: _Bridge) -> bool:
        return len((bridge.unanswered | bridge.refused) - {None}) >= self._settings.misses_max

    def _enter(self, bridge: _Bridge) -> None:
        """Count a bridge, and put it into the index if it is free. Before anything of it changes, it is withdrawn."""
        self._unused_places += bridge.free_places
        self._put(bridge)
        self._count(bridge, bridge.capacity, 0 if bridge.group is None else bridge.free_places)

    def _put(self, bridge: _Bridge) -> None:
        if len(bridge.pending) >= self._settings.offers_per_bridge or self._is_out(bridge):
            return
        if bridge.free_places:
            kind = bridge.kind
            group = self._groups.get(kind)
            if group is None:
                group = self._groups[kind] = _Group(kind)
            bridge.group = group
            group.add(bridge, bridge.source)

    def _withdraw(self, bridge: _Bridge) -> None:
        self._unused_places -= bridge.free_places
        self._count(bridge, -bridge.capacity, 0 if bridge.group is None else -bridge.free_places)
        if bridge.group is not None:
            bridge.group.remove(bridge)
            bridge.group = None

    def _count(self, bridge: _Bridge, more: int, more_free: int) -> None:
        """The network of a bridge has so many places more, or fewer."""
        key = bridge.name if bridge.source is None else bridge.source.network
        places = self._places.get(key)
        if places is None:
            places = self._places[key] = _Places()
        self._mostly_free -= places.are_mostly_free
        places.count += more
        places.free += more_free
        self._mostly_free += places.are_mostly_free
        if not places.count:
            del self._places[key]

    def _best(self, request: _Request, excluded: Set[str]) -> _Bridge | None:
        """One of the best free bridges, none of `excluded`."""
        ranks: dict[_Rank, list[_Group]] = defaultdict(list)
        for kind, group in self._groups.items():
            if group.count and (rank := request.rank_of(kind)) is not None:
                ranks[rank].append(group)
        never = self._free_ones(excluded)
        for rank in sorted(ranks):
            if (chosen := draw(ranks[rank], never, self._choose)) is not None:
                return chosen
        return None

    def _best_of(self, names: Set[str], request: _Request) -> _Bridge | None:
        """One of the best among a few bridges; if they are not that few, among some that chance chooses."""
        free = self._free_ones(names)
        if len(free) > _FEW:
            free = list({place: free[place] for place in (self._choose(len(free)) for _ in range(_FEW))}.values())
        groups: dict[_Group | None, list[_Bridge]] = defaultdict(list)
        for bridge in free:
            groups[bridge.group].append(bridge)
        ranks: dict[_Rank, list[_Bridge]] = defaultdict(list)
        for group, bridges in groups.items():
            if group is not None and (rank := request.rank_of(group.kind)) is not None:
                ranks[rank] += bridges
        if not ranks:
            return None
        return draw_one_of([(bridge, bridge.source) for bridge in ranks[min(ranks)]], self._choose)

    def _preferred_proof(self, *, takes_newcomers: bool) -> bool | None:
        """Whether this offer prefers bridges that have proved themselves or the others; None where none has."""
        if not any(kind.is_proved and group.count for kind, group in self._groups.items()):
            return None
        every = self._settings.newcomers_every
        return not takes_newcomers or self._choose(every) != every - 1

    def _free_ones(self, names: Iterable[str]) -> list[_Bridge]:
        known = map(self._bridges.get, names)
        return [bridge for bridge in known if bridge is not None and bridge.group is not None]
