"""Many fake bridges at one address, beside two real ones: how many readers they keep from a session. A simulation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from freespan.broker.bridge_directory import BridgeDirectory
from freespan.broker.matching import Matching
from freespan.broker.proof import Proofs
from freespan.broker.shown_bridges import ShownBridges
from freespan.sources.source import Source
from freespan.wire.network import Network

READERS = 400
TRIES = 4
SYBILS = [f"sybil {number}" for number in range(40)]
REAL = ["real 1", "real 2"]


def place(network: int, host: int = 0) -> Source:
    return Source(bytes([network % 256, network // 256, host]), bytes([network % 256, network // 256]))


class World:
    """A broker whose readers come one minute after the other, each from a network of their own."""

    def __init__(self, where_sybils_are: Callable[[int], Source]) -> None:
        self.now = 0.0
        self.matching = Matching(Random(1).randrange)
        shown = ShownBridges(self.matching.__contains__)
        self.directory = BridgeDirectory(self.matching, Proofs(), shown, lambda: self.now)
        self.tokens: dict[str, str] = {}
        for number, sybil in enumerate(SYBILS):
            self.join(sybil, where_sybils_are(number))
        for number, real in enumerate(REAL):
            self.join(real, place(1_000 + number))

    def join(self, bridge: str, where: Source) -> None:
        self.matching.join(bridge, 4, where)
        self.matching.report_network(bridge, Network("open"))
        self.tokens[bridge] = self.directory.join(bridge, 4)

    def rendezvous(self, reader: Source, avoid: list[str]) -> str:
        """The bridge that a reader is given."""
        visit = self.directory.visit(reader)
        bridge = self.matching.assign("offer", frozenset(), Network("cone"), visit.avoidable(avoid), only=visit.only())
        assert bridge is not None
        self.matching.settle(bridge, "offer")
        visit.begin(bridge)
        visit.end(bridge, is_answered=True)
        return bridge

    def read(self, reader: Source) -> int:
        """How many bridges a reader tries until they have a session; more than TRIES if they give up."""
        tried: list[str] = []
        while len(tried) < TRIES:
            tried.append(self.rendezvous(reader, tried))
            self.now += 6.0
            if tried[-1] in REAL:
                self.directory.handshake_completed(self.tokens[tried[-1]])
                return len(tried)
        return TRIES + 1

    def prove_sybils(self, reader: Source) -> None:
        """Whoever offers the fake bridges runs a client, and completes a handshake through each that it gets."""
        for _ in range(20):
            bridge = self.rendezvous(reader, [])
            if bridge in SYBILS:
                self.directory.handshake_completed(self.tokens[bridge])


def share_served(world: World, *, with_own_client: bool) -> float:
    served = 0
    for number in range(READERS):
        if with_own_client:
            world.prove_sybils(place(999))
        served += world.read(place(number)) <= TRIES
        world.now += 60.0
    return served / READERS


@pytest.mark.parametrize("with_own_client", [False, True])
@pytest.mark.parametrize(
    "where", [lambda number: place(2_000), lambda number: place(2_000, number)], ids=["one address", "one network"]
)
def test_forty_fake_bridges_in_one_place_keep_hardly_any_reader_away(
    where: Callable[[int], Source], with_own_client: bool
) -> None:
    assert share_served(World(where), with_own_client=with_own_client) > 0.95


def test_without_these_rules_they_would_keep_most_readers_away() -> None:
    """Each of them in a network of its own, and nobody proves anything: what chance alone makes of 40 to 2."""
    world = World(lambda number: place(3_000 + number))
    world.directory.handshake_completed = lambda token: None  # type: ignore[method-assign]
    assert share_served(world, with_own_client=False) < 0.3


def test_even_in_forty_networks_proof_keeps_readers_with_the_real_ones() -> None:
    assert share_served(World(lambda number: place(3_000 + number)), with_own_client=False) > 0.9


def test_new_volunteers_get_readers_as_well() -> None:
    world = World(lambda number: place(3_000 + number))
    for number in range(50):
        world.read(place(number))
        world.now += 60.0
    given = [world.rendezvous(place(100 + number), []) for number in range(400)]
    newcomers = sum(bridge in SYBILS for bridge in given)
    assert 60 < newcomers < 140, "one in four"


def test_three_hundred_readers_of_one_network_all_get_a_bridge() -> None:
    """They begin at the same moment. What the network may be shown grows with each of them who has a session."""
    world = World(lambda number: place(3_000 + number))
    for number in range(100):
        world.join(f"volunteer {number}", place(4_000 + number))
    sessions: Counter[str] = Counter()
    waiting, rounds = 300, 0
    while waiting:
        rounds += 1
        for number in range(waiting):
            visit = world.directory.visit(place(1, number % 200))
            bridge = world.matching.assign(f"offer {number}", network=Network("cone"), only=visit.only())
            if bridge is not None:
                visit.begin(bridge)
                visit.end(bridge, is_answered=True)
                world.matching.settle(bridge, f"offer {number}")
                sessions[bridge] += 1
                world.matching.report_load(bridge, sessions[bridge])
                world.directory.handshake_completed(world.tokens[bridge])
                waiting -= 1
        world.now += 3.0
    assert rounds <= 4
    assert len(sessions) > 16
