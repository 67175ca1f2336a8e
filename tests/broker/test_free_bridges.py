"""The fair draw: by network, then by host, then by bridge, whoever has how many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.free_bridges import FreeBridges, Item, draw, draw_one_of
from freespan.sources.source import Source


@dataclass(eq=False, slots=True)
class Named(Item):
    name: str


def source(network: int, host: int) -> Source:
    return Source(bytes([network, host]), bytes([network]))


def drawn(groups: list[FreeBridges[Named]], times: int = 6_000, without: tuple[Named, ...] = ()) -> Counter[str]:
    """How often the bridges of each letter are drawn."""
    chance = Random(1)
    found: Counter[str] = Counter()
    for _ in range(times):
        bridge = draw(groups, without, chance.randrange)
        assert bridge is not None
        found[bridge.name[0]] += 1
    return found


def group_of(*bridges: tuple[str, Source | None]) -> FreeBridges[Named]:
    group: FreeBridges[Named] = FreeBridges()
    for name, where in bridges:
        group.add(Named(name), where)
    return group


def test_many_bridges_of_one_address_are_drawn_no_more_often_than_one() -> None:
    group = group_of(*((f"s{number}", source(1, 1)) for number in range(40)), ("a", source(2, 1)), ("b", source(3, 1)))
    found = drawn([group])
    assert found["s"] == pytest.approx(2_000, rel=0.1)
    assert found["a"] == pytest.approx(2_000, rel=0.1)


def test_many_addresses_of_one_network_are_drawn_no_more_often_than_one() -> None:
    group = group_of(*((f"s{number}", source(1, number)) for number in range(40)), ("a", source(2, 1)))
    assert drawn([group])["a"] == pytest.approx(3_000, rel=0.1)


def test_one_address_does_not_crowd_out_another_one_of_its_network() -> None:
    group = group_of(*((f"s{number}", source(1, 1)) for number in range(40)), ("a", source(1, 2)))
    assert drawn([group])["a"] == pytest.approx(3_000, rel=0.1)


def test_bridges_whose_source_is_not_known_are_drawn_alike() -> None:
    group = group_of(("a", None), ("b", None), ("c", None))
    assert all(count == pytest.approx(2_000, rel=0.1) for count in drawn([group]).values())


def test_to_report_many_kinds_of_networks_gives_no_more_draws() -> None:
    groups = [group_of((f"s{number}", source(1, 1))) for number in range(9)]
    groups[0].add(Named("a"), source(2, 1))
    assert drawn(groups)["a"] == pytest.approx(3_000, rel=0.15)


@given(st.data())
def test_what_is_left_is_drawn_and_nothing_else(data: st.DataObject) -> None:
    places = st.none() | st.builds(source, st.integers(1, 3), st.integers(1, 2))
    bridges = [Named(f"b{number}") for number in range(data.draw(st.integers(0, 8)))]
    groups: list[FreeBridges[Named]] = [FreeBridges(), FreeBridges()]
    at = {}
    for bridge in bridges:
        at[bridge] = groups[data.draw(st.integers(0, 1))]
        at[bridge].add(bridge, data.draw(places))
    flags = st.lists(st.booleans(), min_size=len(bridges), max_size=len(bridges))
    for bridge, is_gone in zip(list(at), data.draw(flags), strict=True):
        if is_gone:
            at.pop(bridge).remove(bridge)
            assert bridge.shelf is None
    assert sum(group.count for group in groups) == len(at)
    excluded = [bridge for bridge, is_excluded in zip(bridges, data.draw(flags), strict=True) if is_excluded]
    chosen = draw(groups, excluded, Random(data.draw(st.integers(0, 99))).randrange)
    left = at.keys() - excluded
    assert chosen in left if left else chosen is None


def test_a_number_that_is_too_large_is_noticed() -> None:
    with pytest.raises(IndexError):
        draw([group_of(("a", None), ("b", None))], (), lambda count: count)


WHERE = st.none() | st.builds(source, st.integers(1, 3), st.integers(1, 3))


@given(st.lists(WHERE, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_draw_out_of_a_few_is_the_same_draw(places: list[Source | None], chance: Random) -> None:
    few = [(Named(str(number)), where) for number, where in enumerate(places)]
    group: FreeBridges[Named] = FreeBridges()
    for bridge, where in few:
        group.add(bridge, where)
    seed = chance.random()
    assert draw([group], (), Random(seed).randrange) is draw_one_of(few, Random(seed).randrange)
