"""The free bridges that are equal but for where they are, and a fair draw among them. Pure.

    chance ──▶ a network ── chance ──▶ a host in it ── chance ──▶ a bridge of that host

Chance chooses a network first, then a host, and then a bridge. So many bridges at one address, or at the addresses of
one network, get no more than one of them would. A bridge whose source is not known is a network of its own. Adding and
removing take constant time, and so does a draw that excludes few bridges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from freespan.sources.source import Source

_DRAWS_MAX = 64
"""Draws of a network after which one is taken that should have been drawn once more."""


@dataclass(eq=False, slots=True)
class Item:
    """What can stand on a shelf; its place is the index there."""

    shelf: Shelf | None = field(init=False, default=None)
    place: int = field(init=False, default=0)


@dataclass(eq=False, slots=True)
class Shelf(Item):
    """Items in a row; those that are shelves themselves can be found by their keys."""

    key: Hashable
    items: list[Item] = field(default_factory=list)
    shelves: dict[Hashable, Shelf] = field(default_factory=dict)

    def at(self, key: Hashable) -> Shelf:
        """The shelf on this one that has this key; it is made if there is none."""
        found = self.shelves.get(key)
        if found is None:
            found = self.shelves[key] = Shelf(key)
            self.put(found)
        return found

    def put(self, item: Item) -> None:
        """Add an item."""
        item.shelf, item.place = self, len(self.items)
        self.items.append(item)

    def take(self, item: Item) -> None:
        """Take an item away; and this shelf, once it is empty."""
        last = self.items.pop()
        if last is not item:
            self.items[item.place] = last
            last.place = item.place
        item.shelf = None
        if isinstance(item, Shelf):
            del self.shelves[item.key]
        if not self.items and self.shelf is not None:
            self.shelf.take(self)


Bridge = TypeVar("Bridge", bound=Item)
Name = TypeVar("Name", bound=Hashable)
_Excluded = Mapping[Shelf, Sequence[Item]]
"""For each shelf, the items on it that must not be drawn."""


class FreeBridges(Generic[Bridge]):
    """A group of bridges, which stand on shelves by network and host."""

    def __init__(self) -> None:
        self.networks = Shelf(None)
        self.count = 0

    def add(self, bridge: Bridge, source: Source | None) -> None:
        """Add a bridge that is in no group."""
        network, host = (bridge, bridge) if source is None else (source.network, source.host)
        self.networks.at(network).at(host).put(bridge)
        self.count += 1

    def remove(self, bridge: Bridge) -> None:
        """Remove a bridge that was added."""
        assert bridge.shelf is not None
        bridge.shelf.take(bridge)
        self.count -= 1


def draw(
    groups: Sequence[FreeBridges[Bridge]], excluded: Iterable[Bridge], choose: Callable[[int], int]
) -> Bridge | None:
    """A bridge out of groups that are equal, none of the few `excluded` ones; None if there is none.

    `choose(n)` returns a random number below n.
    """
    without = _without(excluded)
    network = _drawn_network([group.networks for group in groups], without, choose)
    if network is None:
        return None
    host = _pick(network, _number_below(_left(network, without), choose), without)
    assert isinstance(host, Shelf)
    return _pick(host, _number_below(_left(host, without), choose), without)  # type: ignore[return-value]


def draw_one_of(bridges: Sequence[tuple[Bridge, Source | None]], choose: Callable[[int], int]) -> Bridge:
    """The same draw out of a few bridges with their sources, at least one, for which no group is worth the work."""
    networks = [bridge if source is None else source.network for bridge, source in bridges]
    network = _one_of(networks, choose)
    there = [one for one, name in zip(bridges, networks, strict=True) if name == network]
    hosts = [bridge if source is None else source.host for bridge, source in there]
    host = _one_of(hosts, choose)
    drawn = [bridge for (bridge, _), name in zip(there, hosts, strict=True) if name == host]
    return drawn[_number_below(len(drawn), choose)]


def _one_of(names: Iterable[Name], choose: Callable[[int], int]) -> Name:
    """One of the names, each of which has the same chance however often it is there."""
    different = list(dict.fromkeys(names))
    return different[_number_below(len(different), choose)]


def _without(bridges: Iterable[Item]) -> _Excluded:
    """What must not be drawn if these bridges must not: they, and each shelf on which nothing else stands."""
    found: dict[Shelf, list[Item]] = defaultdict(list)
    for bridge in bridges:
        item = bridge
        while (shelf := item.shelf) is not None:
            found[shelf].append(item)
            if len(found[shelf]) < len(shelf.items):
                break
            item = shelf
    return found


def _drawn_network(groups: Sequence[Shelf], without: _Excluded, choose: Callable[[int], int]) -> Shelf | None:
    """A network is not drawn more often for having bridges in several groups: of so many draws, one is accepted."""
    total = sum(_left(group, without) for group in groups)
    if not total:
        return None
    for _ in range(_DRAWS_MAX - 1):
        network = _network_of_number(groups, _number_below(total, choose), without)
        if _number_below(sum(_has_left(group, network.key, without) for group in groups), choose) == 0:
            return network
    return _network_of_number(groups, _number_below(total, choose), without)


def _number_below(count: int, choose: Callable[[int], int]) -> int:
    """A random number below `count`; where there is but one, nothing is drawn."""
    return choose(count) if count > 1 else 0


def _network_of_number(groups: Sequence[Shelf], number: int, without: _Excluded) -> Shelf:
    for group in groups:
        left = _left(group, without)
        if number < left:
            return _pick(group, number, without)  # type: ignore[return-value]
        number -= left
    raise IndexError("choose must return a number below the one that it is given")


def _has_left(group: Shelf, key: Hashable, without: _Excluded) -> bool:
    found = group.shelves.get(key)
    return found is not None and found not in without.get(group, ())


def _left(shelf: Shelf, without: _Excluded) -> int:
    return len(shelf.items) - len(without.get(shelf, ()))


def _pick(shelf: Shelf, number: int, without: _Excluded) -> Item:
    """The item of this number among those that may be drawn."""
    for place in sorted(item.place for item in without.get(shelf, ())):
        number += place <= number
    return shelf.items[number]
