"""Who has to go when too many bytes are held: what the greediest source holds, the most of it first. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Thing = TypeVar("Thing")


def _one(_: object) -> float:
    return 1.0


def greediest(
    held: Mapping[Thing, int],
    most: int,
    source_of: Callable[[Thing], Hashable],
    weight_of: Callable[[Thing], float] = _one,
) -> list[Thing]:
    """Those that must go so that all others together hold at most `most` bytes.

    The source that holds the most begins, with its thing that holds the most, until another source holds more. A source
    may hold as many times as much as others as `weight_of` says, which is the same for all its things.
    """
    excess = sum(held.values()) - most
    if excess <= 0:
        return []
    by_source: dict[Hashable, list[Thing]] = defaultdict(list)
    for thing in sorted(held, key=lambda each: held[each]):
        by_source[source_of(thing)].append(thing)
    groups = [
        (-sum(held[each] for each in things) / weight_of(things[0]), n, things)
        for n, things in enumerate(by_source.values())
    ]
    heapq.heapify(groups)
    found: list[Thing] = []
    while excess > 0:
        total, n, things = groups[0]
        found.append(things.pop())
        excess -= held[found[-1]]
        heapq.heapreplace(groups, (total + held[found[-1]] / weight_of(found[-1]), n, things))
    return found
