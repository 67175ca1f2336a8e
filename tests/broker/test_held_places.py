"""Places that readers hold: one source never takes everything, and what is used or given up counts no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.held_places import HeldPlaces
from freespan.broker.settings import BrokerSettings
from freespan.sources.source import Source

SETTINGS = BrokerSettings()


def source(host: int, network: int) -> Source:
    return Source(bytes([network, host]), bytes([network]))


class Places:
    """Bridges with so many places in all, and readers who take one of them each time that they may."""

    def __init__(self, places: int, settings: BrokerSettings = SETTINGS) -> None:
        self.held = HeldPlaces(settings)
        self.free = places
        self.offers = 0

    def take(self, who: Source | None, wanted: int, now: float = 0.0, bridge: str = "bridge") -> int:
        """Ask so many times; returns how many places were given."""
        given = 0
        for _ in range(wanted):
            if self.free and self.held.may_hold(who, self.free, now):
                self.offers += 1
                self.held.hold(str(self.offers), bridge, who, now)
                self.free -= 1
                given += 1
        return given


def test_one_host_leaves_places_of_24_to_others() -> None:
    places = Places(24)
    assert places.take(source(1, 1), 21) < 21
    assert places.take(source(2, 2), 1) == 1
    assert places.take(source(3, 3), 1) == 1


def test_a_network_full_of_hosts_leaves_places_to_others() -> None:
    places = Places(100)
    for host in range(200):
        places.take(source(host, 1), 1)
    assert places.free >= 1
    assert places.take(source(1, 2), 1) == 1


def test_readers_behind_one_front_and_behind_one_network_are_all_served_while_there_is_room() -> None:
    assert Places(300).take(source(1, 1), 200) == 200
    places = Places(350)
    assert sum(places.take(source(host % 250, 1), 1) for host in range(300)) == 300


def test_one_source_leaves_a_place_of_each_bridge_to_others_however_many_are_free_elsewhere() -> None:
    for capacity in range(2, 65):
        held = HeldPlaces(SETTINGS)
        places = 0
        for n in range(capacity):
            who = source(n % 3, 1)
            if held.may_hold(who, 10_000, 0.0) and held.may_hold_at("bridge", who, n + 1, capacity - n - 1):
                held.hold(str(n), "bridge", who, 0.0)
                places += 1
        assert capacity / 2 <= places < capacity
        assert held.may_hold_at("bridge", source(1, 2), capacity, 0), "the last one is for somebody else"
        held.hold("elsewhere", "another", source(1, 3), 0.0)
        assert not held.may_hold_at("bridge", source(1, 3), capacity, 0), "who holds nothing anywhere"
        assert held.may_hold_at("bridge", source(1, 1), 1, capacity - 1), "the bridge has given them all up"
        assert held.may_hold_at("bridge", None, capacity, 0)


@pytest.mark.parametrize("places", range(1, 5))
def test_on_a_host_with_few_places_one_reader_may_have_all(places: int) -> None:
    assert Places(places).take(source(1, 1), 9) == places


def test_sources_that_are_not_known_are_not_counted() -> None:
    places = Places(24)
    assert places.take(None, 30) == 24
    assert len(places.held) == 0


def test_a_handshake_frees_the_oldest_place_at_its_bridge() -> None:
    places = Places(50)
    reader = source(1, 1)
    given = places.take(reader, 50, bridge="a")
    assert given < 50
    places.held.acknowledge("b")
    assert len(places.held) == given
    for _ in range(5):
        assert places.take(reader, 1) == 0
        places.held.acknowledge("a")
    assert len(places.held) == given - 5
    assert places.take(reader, 1) == 1


def test_places_are_given_up_in_time() -> None:
    places = Places(8)
    reader = source(1, 1)
    assert places.take(reader, 9, now=0.0) == 7
    assert places.take(reader, 9, now=SETTINGS.held_seconds - 0.1) == 0
    assert places.take(reader, 9, now=SETTINGS.held_seconds) == 1


def test_the_number_that_is_remembered_is_bounded() -> None:
    places = Places(100, BrokerSettings(held_max=10))
    for number in range(50):
        places.take(source(number, number), 1)
    assert len(places.held) == 10


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.sampled_from("hrat")), max_size=60))
def test_nothing_is_left_when_all_are_released(actions: list[tuple[int, int, str]]) -> None:
    held = HeldPlaces(SETTINGS)
    for now, (number, network, action) in enumerate(actions):
        match action:
            case "h":
                held.hold(f"offer {now}", f"bridge {number}", source(number, network), float(now))
            case "r":
                held.release(f"offer {number}")
            case "a":
                held.acknowledge(f"bridge {number}")
            case "t":
                held.may_hold(None, 1, float(now))
    held.may_hold(None, 1, 1e6)
    assert not any((held._held, held._at, held._hosts, held._networks, held._here))
