"""Matching: any order of joins, leaves, reports, offers and answers keeps its promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from freespan.broker import matching
from freespan.broker.matching import Matching
from freespan.wire.limits import AVOID_MAX, BRIDGE_CAPACITY_MAX, OFFERS_PER_BRIDGE
from freespan.wire.network import IMPOSSIBLE, Network, fit

KINDS = st.sampled_from([None, "open", "cone", "symmetric"])
NETWORKS = st.builds(Network, KINDS, KINDS)


def first(count: int) -> int:
    return 0


def last(count: int) -> int:
    return count - 1


@dataclass(frozen=True)
class Wishes:
    """What a client says of itself, and whether its host has relays."""

    network: Network | None
    avoid: frozenset[str]
    relayed: bool


class Promises(RuleBasedStateMachine):
    """Runs the real thing beside a model that only remembers what was said."""

    bridges = Bundle("bridges")
    offers = Bundle("offers")

    def __init__(self) -> None:
        super().__init__()
        self.chosen = 0
        self.matching = Matching(lambda count: self.chosen % count)
        self.capacity: dict[str, int] = {}
        self.serving: dict[str, int] = {}
        self.pending: dict[str, set[str]] = {}
        self.at: dict[str, str] = {}
        self.networks: dict[str, Network] = {}
        self.wishes: dict[str, Wishes] = {}
        self.tried: dict[str, set[str]] = {}
        self.settled: set[str] = set()
        self.names = 0

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def assign(self, offer: str) -> None:
        before = {name: self.serving[name] + len(self.pending[name]) for name in self.capacity}
        wishes = self.wishes[offer]
        fits = {
            name: fit(wishes.network, self.networks.get(name))
            for name, load in before.items()
            if load < self.capacity[name] and len(self.pending[name]) < OFFERS_PER_BRIDGE
            if name not in self.tried[offer] | wishes.avoid
        }
        if not wishes.relayed:
            fits = {name: how for name, how in fits.items() if how != IMPOSSIBLE}
        bridge = self.matching.assign(offer, self.tried[offer], wishes.network, wishes.avoid, relayed=wishes.relayed)
        assert (bridge is None) == (not fits), "a bridge is found when, and only when, there is one"
        if bridge is None:
            return
        assert bridge in fits, "never over capacity, never tried or avoided, never impossible without a relay"
        assert fits[bridge] != IMPOSSIBLE or set(fits.values()) == {IMPOSSIBLE}, "never impossible while one is not"
        assert fits[bridge] == min(fits.values()), "all of these answer, so the fit alone decides"
        self.tried[offer].add(bridge)
        self.pending[bridge].add(offer)
        self.at[offer] = bridge

    @rule(target=bridges, capacity=st.integers(1, BRIDGE_CAPACITY_MAX))
    def join(self, capacity: int) -> str:
        bridge = self.name()
        assert self.matching.join(bridge, capacity)
        self.capacity[bridge], self.serving[bridge], self.pending[bridge] = capacity, 0, set()
        return bridge

    @rule(bridge=consumes(bridges))
    def leave(self, bridge: str) -> None:
        owed = self.matching.leave(bridge)
        assert owed == self.pending.pop(bridge), "every offer comes back, to be given to another bridge"
        del self.capacity[bridge], self.serving[bridge]
        for offer in owed:
            del self.at[offer]
            self.assign(offer)
        assert self.matching.leave(bridge) == set()

    @rule(bridge=bridges, serving=st.integers(0, BRIDGE_CAPACITY_MAX))
    def report(self, bridge: str, serving: int) -> None:
        self.matching.report(bridge, serving)
        self.serving[bridge] = serving

    @rule(bridge=bridges, network=NETWORKS)
    def report_network(self, bridge: str, network: Network) -> None:
        self.matching.report_network(bridge, network)
        self.networks[bridge] = network

    @rule(
        target=offers,
        choice=st.integers(0, 9),
        network=st.none() | NETWORKS,
        avoid=st.lists(bridges, max_size=AVOID_MAX),
        relayed=st.booleans(),
    )
    def offer(self, choice: int, network: Network | None, avoid: list[str], relayed: bool) -> str:
        self.chosen = choice
        offer = self.name()
        self.tried[offer] = set()
        self.wishes[offer] = Wishes(network, frozenset(avoid), relayed)
        self.assign(offer)
        return offer

    @rule(offer=offers)
    def answer(self, offer: str) -> None:
        bridge = self.at.pop(offer, None)
        if bridge is None:
            return
        assert self.matching.settle(bridge, offer), "the first answer counts"
        assert not self.matching.settle(bridge, offer), "a second one does not"
        self.pending[bridge].remove(offer)
        self.settled.add(offer)

    @rule(offer=offers)
    def refuse(self, offer: str) -> None:
        bridge = self.at.pop(offer, None)
        if bridge is not None:
            assert self.matching.settle(bridge, offer)
            self.pending[bridge].remove(offer)
            self.assign(offer)

    @rule(offer=offers, bridge=bridges)
    def answer_of_a_stranger(self, offer: str, bridge: str) -> None:
        if self.at.get(offer) != bridge:
            assert not self.matching.settle(bridge, offer)

    @rule(target=offers)
    def nothing(self) -> object:
        assert not self.matching.settle("nobody", "nothing")
        return multiple()

    @invariant()
    def counts(self) -> None:
        assert len(self.matching) == len(self.capacity)
        assert all(len(pending) <= OFFERS_PER_BRIDGE for pending in self.pending.values())
        assert not self.settled & set(self.at)


TestPromises = Promises.TestCase


@pytest.mark.parametrize(("choose", "bridge"), [(first, "a"), (last, "b")])
def test_chance_decides_among_equals(choose, bridge: str) -> None:
    matching = Matching(choose)
    matching.join("a", 1)
    matching.join("b", 1)
    assert matching.assign("offer") == bridge


def test_half_of_all_places_are_kept_for_those_who_have_none() -> None:
    matching = Matching(first)
    assert not matching.has_plenty
    matching.join("a", 3)
    matching.join("b", 2)
    matching.report("a", 2)
    assert matching.has_plenty
    matching.assign("offer")
    assert not matching.has_plenty
    matching.report("a", 0)
    assert matching.has_plenty


def test_a_bridge_that_lies_about_its_load_gets_no_more_than_its_share() -> None:
    turn = iter(range(1000))
    matching = Matching(lambda count: next(turn) % count)
    for name in ("honest", "liar", "other"):
        matching.join(name, BRIDGE_CAPACITY_MAX)
    matching.report("honest", 9)
    matching.report("other", 9)
    chosen = []
    for number in range(30):
        chosen.append(matching.assign(f"offer {number}"))
        matching.settle(chosen[-1], f"offer {number}")
        matching.report("liar", 0)
    assert chosen.count("liar") == 10


@given(clients=st.lists(st.none() | NETWORKS, min_size=1, max_size=12), lie=st.none() | NETWORKS)
def test_a_bridge_that_lies_about_its_network_gets_no_more_than_an_open_one(
    clients: list[Network | None], lie: Network | None
) -> None:
    turns = cycle(range(6))  # one, two or three equals are each given the same number of six
    matching = Matching(lambda count: next(turns) % count)
    for name, network in (("open", Network("open", "open")), ("cone", Network("cone", "cone")), ("liar", lie)):
        matching.join(name, 1)
        if network is not None:
            matching.report_network(name, network)
    chosen: Counter[str | None] = Counter()
    for client in clients:
        for _ in range(6):
            bridge = matching.assign("offer", network=client, relayed=True)
            assert bridge is not None
            chosen[bridge] += 1
            matching.settle(bridge, "offer")
            if lie is not None:
                matching.report_network("liar", lie)  # again and again
    assert chosen["liar"] <= chosen["open"]
    if lie == Network("open", "open"):
        assert chosen["liar"] == chosen["open"]


def test_a_new_report_does_not_make_up_for_what_was_missed() -> None:
    matching = Matching(first)
    for name in ("silent", "good"):
        matching.join(name, 1)
        matching.report_network(name, Network("cone"))
    matching.missed("silent")
    matching.report_network("silent", Network("open"))
    assert matching.assign("offer", network=Network("symmetric")) == "good"


def test_a_silent_bridge_comes_before_an_impossible_one() -> None:
    matching = Matching(first)
    for name, network in (("silent", Network("cone")), ("impossible", Network("symmetric"))):
        matching.join(name, 1)
        matching.report_network(name, network)
    matching.missed("silent")
    client = Network("symmetric")
    assert matching.assign("one", network=client, relayed=True) == "silent"
    assert matching.assign("two", network=client) is None, "no relay"
    assert matching.assign("two", network=client, relayed=True) == "impossible"


def test_a_silent_bridge_is_asked_last_and_then_sent_away() -> None:
    matching = Matching(first)
    matching.join("silent", 9)
    matching.join("good", 1)
    assert not matching.missed("silent")
    assert matching.assign("one") == "good"
    assert matching.assign("two") == "silent", "better than nobody"
    assert not matching.missed("silent")
    assert matching.missed("silent"), "three times in a row"
    assert not matching.missed("gone"), "nobody to send away"


def test_an_answer_makes_up_for_what_was_missed() -> None:
    matching = Matching(first)
    matching.join("a", 9)
    assert not matching.missed("a")
    assert not matching.missed("a")
    matching.answered("a")
    assert not matching.missed("a")


def test_what_a_bridge_says_of_its_load_counts() -> None:
    matching = Matching(first)
    matching.join("a", 2)
    matching.report("a", 2)
    assert matching.assign("offer") is None
    matching.report("a", 1)
    assert matching.assign("offer") == "a"


def test_a_full_broker_takes_no_more_bridges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "BRIDGES_MAX", 1)
    full = Matching(first)
    assert full.join("a", 1)
    assert not full.join("b", 1)
    full.leave("a")
    assert full.join("b", 1)
