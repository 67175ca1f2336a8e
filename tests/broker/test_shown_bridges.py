"""How many bridges somebody is shown, and what makes it more: transcripts, and a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.settings import ShownSettings
from freespan.broker.shown_bridges import Kind, Reader, ShownBridges

NETWORK, OTHER = Reader(Kind.NETWORK, b"n"), Reader(Kind.NETWORK, b"m")
INVITE = Reader(Kind.INVITE, b"i")
DEFAULT = ShownSettings()
HOUR, DAY = DEFAULT.hour_seconds, DEFAULT.day_seconds


class World:
    """Bridges that come and go, and readers who ask for new ones."""

    def __init__(self, settings: ShownSettings = DEFAULT) -> None:
        self.here: set[str] = set()
        self.count = 0
        self.shown = ShownBridges(self.here.__contains__, settings)

    def new_bridge(self) -> str:
        self.count += 1
        self.here.add(f"b{self.count}")
        return f"b{self.count}"

    def ask(self, reader: Reader, now: float, most: int = 1_000) -> list[str]:
        """All new bridges that a reader can get now."""
        got: list[str] = []
        while len(got) < most and self.shown.may_show_new(reader, now):
            bridge = self.new_bridge()
            self.shown.begin(reader, bridge, now)
            self.shown.end(reader, bridge, now, is_shown=True)
            got.append(bridge)
        return got


@pytest.mark.parametrize(("reader", "first"), [(NETWORK, 16), (INVITE, 8)])
def test_an_hour_shows_so_many_new_bridges(reader: Reader, first: int) -> None:
    world = World()
    got = world.ask(reader, 0.0)
    assert len(got) == first
    assert world.shown.shown_to(reader, 1.0) == set(got)
    assert not world.ask(reader, HOUR - 1)
    assert world.shown.seconds_left(reader, HOUR - 1) == 1.0
    assert len(world.ask(reader, HOUR)) == first
    assert len(world.shown.shown_to(reader, HOUR)) == 2 * first


def test_the_last_quarter_of_an_hour_is_kept_for_bridges_that_have_proved_themselves() -> None:
    world = World()
    world.ask(NETWORK, 0.0, most=12)
    assert not world.shown.is_short(NETWORK, 0.0)
    world.ask(NETWORK, 0.0, most=1)
    assert world.shown.is_short(NETWORK, 0.0)
    assert not world.shown.is_short(NETWORK, HOUR)


def test_nobody_uses_up_what_others_may_be_shown() -> None:
    world = World()
    world.ask(NETWORK, 0.0)
    assert len(world.ask(OTHER, 0.0)) == 16
    assert len(world.ask(Reader(Kind.INVITE, b"n"), 0.0)) == 8


def test_each_handshake_from_a_network_allows_for_four_more() -> None:
    world = World()
    world.ask(NETWORK, 0.0)
    world.shown.handshake_completed(NETWORK, 1.0)
    world.shown.link_ended(NETWORK, 1.0)
    assert len(world.ask(NETWORK, 1.0)) == 4
    for _ in range(1_000):
        world.shown.handshake_completed(NETWORK, 2.0)
    assert len(world.ask(NETWORK, 2.0)) == 4 * (DEFAULT.signs_max - 1), "not without end"
    assert len(world.ask(NETWORK, HOUR)) == 16


def test_each_link_that_ends_allows_an_invite_one_more() -> None:
    world = World()
    world.ask(INVITE, 0.0)
    world.shown.link_ended(INVITE, 1.0)
    world.shown.handshake_completed(INVITE, 1.0)
    assert len(world.ask(INVITE, 1.0)) == 1


def test_a_bridge_that_was_shown_costs_nothing_and_one_that_has_left_makes_room() -> None:
    world = World()
    first, *_ = world.ask(NETWORK, 0.0, most=15)
    world.shown.begin(NETWORK, first, 1.0)
    world.shown.end(NETWORK, first, 1.0, is_shown=True)
    assert len(world.ask(NETWORK, 1.0)) == 1
    world.here.remove(first)
    assert len(world.ask(NETWORK, 1.0)) == 1
    assert first not in world.shown.shown_to(NETWORK, 1.0)


def test_one_that_leaves_later_makes_no_room_beyond_the_hour() -> None:
    world = World()
    first, *_ = world.ask(NETWORK, 0.0)
    world.ask(NETWORK, HOUR)
    world.here.remove(first)
    assert not world.ask(NETWORK, HOUR + 1)


def test_what_is_under_way_counts_and_is_given_back_without_an_answer() -> None:
    world = World()
    for number in range(16):
        assert world.shown.may_show_new(NETWORK, 0.0)
        world.shown.begin(NETWORK, f"b{number}", 0.0)
    assert not world.shown.may_show_new(NETWORK, 0.0)
    world.shown.end(NETWORK, "b0", 0.0, is_shown=False)
    assert world.shown.may_show_new(NETWORK, 0.0)
    assert not world.shown.shown_to(NETWORK, 0.0)


def test_many_offers_to_one_bridge_cost_no_more_than_one() -> None:
    world = World()
    one, two = world.new_bridge(), world.new_bridge()
    for _ in range(100):
        world.shown.begin(NETWORK, one, 0.0)
    assert world.shown.may_be_given(NETWORK, 0.0) == {one}
    for number in range(100):
        world.shown.end(NETWORK, one, 0.0, is_shown=number == 50)
    assert len(world.ask(NETWORK, 0.0)) == 15
    for _ in range(100):
        world.shown.begin(OTHER, two, 0.0)
    for _ in range(100):
        world.shown.end(OTHER, two, 0.0, is_shown=False)
    assert len(world.ask(OTHER, 0.0)) == 16


def test_after_a_day_nothing_is_known() -> None:
    world = World()
    world.ask(NETWORK, 0.0)
    assert not world.shown.shown_to(OTHER, DAY)
    assert len(world.shown) == 1
    assert world.shown.names == 0


BOUNDS = ShownSettings(readers_max=3, names_max=20, shown_max=9, of_network=6)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5), st.floats(0, 2_000)), max_size=80))
def test_all_memory_is_bounded_and_no_hour_shows_more_than_is_allowed(events: list[tuple[int, int, float]]) -> None:
    world = World(BOUNDS)
    now = 0.0
    for who, most, wait in events:
        now += wait
        world.ask(Reader(Kind.NETWORK, who), now, most)
        records = world.shown._records.values()
        assert len(records) <= 3
        assert world.shown.names == sum(len(record.shown) for record in records) <= 20
        assert all(len(record.shown) <= 9 and record.used <= record.allowed for record in records)
