"""What is held for each source, and whose must go when there is too much. Pure.

When all places are taken, the newest thing of the greediest source leaves. So whoever takes more only pushes out what
they took last, and nobody's early things are lost to somebody else's late ones. The greediest source is the host or the
network that holds the most for each place that it has: a network has a few times the places of a host, and somebody who
has shown to be of use may have more.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Generic, TypeVar

from freespan.sources.source import Source

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Places:
    """What a host and a network may hold without being called greedy."""

    host: float = 1.0
    network: float = 4.0


_order = itertools.count()
"""Tells which of two equal scores is the later one."""


class _Ranking(Generic[Thing]):
    """Names by their score, the greatest first; among equals the one that got its score last. O(log n).

    There is one for each network, and most have one name in it, so it holds little.
    """

    __slots__ = ("_entries", "_heap")

    def __init__(self) -> None:
        self._entries: dict[Thing, tuple[float, int, Thing]] = {}
        """The one of its entries in the heap that counts for a name."""
        self._heap: list[tuple[float, int, Thing]] = []

    def set(self, name: Thing, score: float) -> None:
        self._entries[name] = entry = (-score, -next(_order), name)
        heapq.heappush(self._heap, entry)
        self._forget_old_scores()

    def discard(self, name: Thing) -> None:
        self._entries.pop(name, None)
        self._forget_old_scores()

    def first(self) -> tuple[Thing, float]:
        """The first name and its score; there must be one."""
        while True:
            entry = self._heap[0]
            score, _, name = entry
            if self._entries.get(name) is entry:
                return name, -score
            heapq.heappop(self._heap)  # it has another score by now, or none

    def _forget_old_scores(self) -> None:
        if len(self._heap) > 2 * len(self._entries):
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)


class _Holder(Generic[Thing]):
    """What one host holds, the oldest first."""

    __slots__ = ("extra", "network", "things")

    def __init__(self, network: bytes) -> None:
        self.network = network
        self.extra = 0.0
        self.things: dict[Thing, None] = {}

    @property
    def newest(self) -> Thing:
        return next(reversed(self.things))


class _Network:
    """The hosts of one network that hold something."""

    __slots__ = ("count", "extra", "hosts")

    def __init__(self) -> None:
        self.count = 0
        self.extra = 0.0
        self.hosts: _Ranking[bytes] = _Ranking()


class _Rank(Generic[Thing]):
    """The things of one rank, by source."""

    def __init__(self, places: Places, *, oldest_unknown: bool) -> None:
        self.holders: dict[bytes, _Holder[Thing]] = {}
        self.unknown: dict[Thing, None] = {}
        self._places = places
        self._oldest_unknown = oldest_unknown
        self._networks: dict[bytes, _Network] = {}
        self._by_host: _Ranking[bytes] = _Ranking()
        self._by_network: _Ranking[bytes] = _Ranking()

    @property
    def is_empty(self) -> bool:
        return not self.holders and not self.unknown

    def hold(self, thing: Thing, source: Source | None, extra: float | None) -> None:
        if source is None:
            self.unknown[thing] = None
            return
        holder = self.holders.get(source.host)
        if holder is None:
            holder = self.holders[source.host] = _Holder(source.network)
        holder.things[thing] = None
        network = self._networks.get(holder.network)
        if network is None:
            network = self._networks[holder.network] = _Network()
        network.count += 1
        self.set_extra(source.host, holder, holder.extra if extra is None else extra)

    def discard(self, thing: Thing, host: bytes | None) -> None:
        self.unknown.pop(thing, None)
        if host is not None:
            holder = self.holders[host]
            del holder.things[thing]
            self._networks[holder.network].count -= 1
            self.set_extra(host, holder, holder.extra)

    def newest_of_greediest(self) -> Thing:
        if self.unknown and self.greatest_score() <= 1 / self._places.host:
            return next(iter(self.unknown) if self._oldest_unknown else reversed(self.unknown))
        return self.holders[self._greediest_host()].newest

    def greatest_score(self) -> float:
        """That of the greediest known source: what it holds for each of its places."""
        if not self.holders:
            return 0.0
        return max(self._by_host.first()[1], self._by_network.first()[1])

    def _greediest_host(self) -> bytes:
        """The greediest host, or the greediest one of a network that is greedier still."""
        host, score = self._by_host.first()
        network, of_network = self._by_network.first()
        return self._networks[network].hosts.first()[0] if of_network > score else host

    def set_extra(self, host: bytes, holder: _Holder[Thing], extra: float) -> None:
        """What a host holds, or may hold, has changed."""
        network = self._networks[holder.network]
        if holder.things:
            network.extra += extra - holder.extra
            holder.extra = extra
            score = len(holder.things) / (self._places.host + extra)
            self._by_host.set(host, score)
            network.hosts.set(host, score)
        else:
            network.extra -= holder.extra
            self._by_host.discard(host)
            network.hosts.discard(host)
            del self.holders[host]
        if network.count:
            self._by_network.set(holder.network, network.count / (self._places.network + network.extra))
        else:
            self._by_network.discard(holder.network)
            del self._networks[holder.network]


class Shares(Generic[Thing]):
    """Counts things by source, up to a total. Every call takes O(log n).

    A thing whose source is not known (None) counts as a source of its own: only the total bounds those together.

    Things can be *preferred*. The others leave before them, each kind by its sources. But where places are kept for
    newcomers, a source that is greedy leaves first, preferred or not, so whoever is preferred cannot take everything.

    Args:
        total: how many things may be held.
        newcomers: how many of the places are kept for sources that hold no more than they may without being greedy.
        places: what a host and a network may hold without being greedy.
        oldest_unknown: of the things whose source is not known, the oldest leaves instead of the newest; for what an
            honest stranger needs for a moment only.
    """

    def __init__(
        self, total: int, *, newcomers: int = 0, places: Places = Places(), oldest_unknown: bool = False
    ) -> None:
        self._total = total
        self._greedy_total = total - newcomers
        self._host_of: dict[Thing, tuple[bytes | None, _Rank[Thing]]] = {}
        self._others: _Rank[Thing] = _Rank(places, oldest_unknown=oldest_unknown)
        self._preferred: _Rank[Thing] = _Rank(places, oldest_unknown=oldest_unknown)

    def __len__(self) -> int:
        return len(self._host_of)

    def __contains__(self, thing: Thing) -> bool:
        return thing in self._host_of

    def add(
        self, thing: Thing, source: Source | None, extra: float | None = None, *, is_preferred: bool = False
    ) -> Thing | None:
        """Hold a thing for a source; return the one that has to go, which may be the same, and is counted no more.

        The host and the network of the source have `extra` places more than others from now on, as long as the host
        holds anything.
        """
        self.discard(thing)
        self._hold(thing, source, extra, is_preferred)
        leaving = self._leaving()
        if leaving is not None:
            self.discard(leaving)
        return leaving

    def would_leave(
        self, thing: Thing, source: Source | None, extra: float | None = None, *, is_preferred: bool = False
    ) -> bool:
        """Whether a thing that is not held would itself be the one that has to go."""
        self._hold(thing, source, extra, is_preferred)
        leaving = self._leaving()
        self.discard(thing)
        return leaving is thing

    def discard(self, thing: Thing) -> None:
        """A thing is not held any more; nothing happens if it was not."""
        held = self._host_of.pop(thing, None)
        if held is not None:
            host, rank = held
            rank.discard(thing, host)

    def allow(self, source: Source, extra: float) -> None:
        """Give the source `extra` places instead of those that it had, if it holds anything."""
        for rank in (self._others, self._preferred):
            if (holder := rank.holders.get(source.host)) is not None:
                rank.set_extra(source.host, holder, extra)

    def held_by(self, source: Source) -> int:
        """How many things the host of this source holds."""
        holders = (rank.holders.get(source.host) for rank in (self._others, self._preferred))
        return sum(len(holder.things) for holder in holders if holder is not None)

    def _hold(self, thing: Thing, source: Source | None, extra: float | None, is_preferred: bool) -> None:
        rank = self._preferred if is_preferred else self._others
        self._host_of[thing] = (None if source is None else source.host, rank)
        rank.hold(thing, source, extra)

    def _leaving(self) -> Thing | None:
        """Whose turn it is to go, if there is too much."""
        if len(self) > self._greedy_total:
            for rank in (self._others, self._preferred):
                if rank.greatest_score() > 1:
                    return rank.newest_of_greediest()
        if len(self) <= self._total:
            return None
        return (self._preferred if self._others.is_empty else self._others).newest_of_greediest()
