"""Matching: any order of joins, leaves, reports, offers and answers keeps its promises."""

from __future__ import annotations

import gc
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from random import Random
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from freespan.broker.matching import Matching
from freespan.broker.nat import Connectivity, connectivity
from freespan.broker.settings import BrokerSettings
from freespan.sources.source import Source
from freespan.wire.limits import AVOID_MAX, BRIDGE_CAPACITY_MAX
from freespan.wire.network import Network

OFFERS_PER_BRIDGE = BrokerSettings().offers_per_bridge
MISSES_MAX = BrokerSettings().misses_max
NEWCOMERS_EVERY = BrokerSettings().newcomers_every
SOURCES = [Source(host, host[:1]) for host in (b"a1", b"a2", b"b1", b"c1")]
KINDS = st.sampled_from([None, "open", "cone", "symmetric"])
NETWORKS = st.builds(Network, KINDS, KINDS)


def first(count: int) -> int:
    return 0


def last(count: int) -> int:
    return count - 1


@dataclass(frozen=True)
class Request:
    """What a client asks for, and whether its host has TURN servers."""

    network: Network | None
    avoid: frozenset[str]
    has_turn: bool


class Promises(RuleBasedStateMachine):
    """Runs the index beside a model that only remembers what was reported, and looks at every bridge each time."""

    bridges = Bundle("bridges")
    offers = Bundle("offers")

    def __init__(self) -> None:
        super().__init__()
        self.chosen = 0
        self.matching = Matching(self.choose)
        self.capacity: dict[str, int] = {}
        self.sessions: dict[str, int] = {}
        self.pending: dict[str, set[str]] = {}
        self.at: dict[str, str] = {}
        self.networks: dict[str, Network] = {}
        self.requests: dict[str, Request] = {}
        self.tried: dict[str, set[str]] = {}
        self.settled: set[str] = set()
        self.misses: dict[str, int] = {}
        self.sources: dict[str, Source | None] = {}
        self.proved: set[str] = set()
        self.names = 0

    def choose(self, count: int) -> int:
        return self.chosen % count

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def is_free(self, name: str) -> bool:
        waiting = len(self.pending[name])
        has_place = self.sessions[name] + waiting < self.capacity[name] and waiting < OFFERS_PER_BRIDGE
        return has_place and self.misses[name] < MISSES_MAX

    def free_places(self, name: str) -> int:
        return self.capacity[name] - self.sessions[name] - len(self.pending[name]) if self.is_free(name) else 0

    def assign(self, offer: str) -> None:
        request = self.requests[offer]
        ranks: dict[str, tuple[bool, bool, int, Connectivity]] = {}
        free_and_proved = any(map(self.is_free, self.proved))
        wants_newcomer = self.chosen % NEWCOMERS_EVERY == NEWCOMERS_EVERY - 1
        for name in filter(self.is_free, self.capacity.keys() - self.tried[offer] - request.avoid):
            known = self.networks.get(name)
            chance = connectivity(request.network, known)
            if free_and_proved and name not in self.proved:
                claims = (known.ipv4, known.ipv6) if known else ("cone", "cone")
                honest = Network(*("cone" if claim == "open" else claim for claim in claims))
                modest = connectivity(request.network, honest)
                chance = max(chance, modest if request.has_turn else min(modest, Connectivity.UNLIKELY))
            is_impossible = chance is Connectivity.IMPOSSIBLE
            if request.has_turn or not is_impossible:
                is_preferred = free_and_proved and (name in self.proved) is not wants_newcomer
                is_last = not (is_preferred and chance < Connectivity.UNLIKELY)
                ranks[name] = is_impossible, is_last, self.misses[name] > 1, chance
        bridge = self.matching.assign(
            offer, self.tried[offer], request.network, request.avoid, has_turn=request.has_turn
        )
        assert (bridge is None) == (not ranks), "a bridge is found when, and only when, there is one"
        if bridge is None:
            return
        assert bridge in ranks, "never over capacity, never tried or avoided, never impossible without a TURN server"
        best = min(ranks.values())
        assert ranks[bridge] == best, "never impossible while one is not; then proof, misses, connectivity"
        self.tried[offer].add(bridge)
        self.pending[bridge].add(offer)
        self.at[offer] = bridge

    @rule(target=bridges, capacity=st.integers(1, BRIDGE_CAPACITY_MAX), source=st.none() | st.sampled_from(SOURCES))
    def join(self, capacity: int, source: Source | None) -> str:
        bridge = self.name()
        self.matching.join(bridge, capacity, source)
        self.capacity[bridge], self.sessions[bridge], self.pending[bridge] = capacity, 0, set()
        self.misses[bridge], self.sources[bridge] = 0, source
        return bridge

    @rule(bridge=consumes(bridges))
    def leave(self, bridge: str) -> None:
        unanswered = self.matching.leave(bridge)
        assert unanswered == self.pending.pop(bridge), "every offer comes back, to be given to another bridge"
        del self.capacity[bridge], self.sessions[bridge]
        self.proved.discard(bridge)
        for offer in unanswered:
            del self.at[offer]
            self.assign(offer)
        assert self.matching.leave(bridge) == set()

    @rule(bridge=bridges, sessions=st.integers(0, BRIDGE_CAPACITY_MAX))
    def report_load(self, bridge: str, sessions: int) -> None:
        self.matching.report_load(bridge, sessions)
        self.sessions[bridge] = sessions

    @rule(bridge=bridges, network=NETWORKS)
    def report_network(self, bridge: str, network: Network) -> None:
        self.matching.report_network(bridge, network)
        self.networks[bridge] = network

    @rule(bridge=bridges, is_proved=st.booleans())
    def prove(self, bridge: str, is_proved: bool) -> None:
        self.matching.set_proved(bridge, is_proved)
        (self.proved.add if is_proved else self.proved.discard)(bridge)

    @rule(
        target=offers,
        choice=st.integers(0, 9),
        network=st.none() | NETWORKS,
        avoid=st.lists(bridges, max_size=AVOID_MAX),
        has_turn=st.booleans(),
    )
    def offer(self, choice: int, network: Network | None, avoid: list[str], has_turn: bool) -> str:
        self.chosen = choice
        offer = self.name()
        self.tried[offer] = set()
        self.requests[offer] = Request(network, frozenset(avoid), has_turn)
        self.assign(offer)
        return offer

    @rule(offer=offers)
    def answer(self, offer: str) -> None:
        bridge = self.at.pop(offer, None)
        if bridge is None:
            return
        assert self.matching.settle(bridge, offer), "the first answer counts"
        assert not self.matching.settle(bridge, offer), "a second one does not"
        self.matching.count_answer(bridge)
        self.misses[bridge] = 0
        self.pending[bridge].remove(offer)
        self.settled.add(offer)

    @rule(offer=offers)
    def refuse(self, offer: str) -> None:
        bridge = self.at.pop(offer, None)
        if bridge is not None:
            assert self.matching.settle(bridge, offer)
            self.pending[bridge].remove(offer)
            self.misses[bridge] += 1
            network = b"%d" % self.misses[bridge]
            assert self.matching.count_miss(bridge, network) == (self.misses[bridge] >= MISSES_MAX)
            self.assign(offer)

    @rule(offer=offers, bridge=bridges)
    def answer_of_a_stranger(self, offer: str, bridge: str) -> None:
        if self.at.get(offer) != bridge:
            assert not self.matching.settle(bridge, offer)

    @rule(target=offers)
    def nothing(self) -> object:
        assert not self.matching.settle("nobody", "nothing")
        return multiple()

    @rule(avoid=st.lists(bridges, max_size=AVOID_MAX))
    def what_is_free(self, avoid: list[str]) -> None:
        assert self.matching.has_free_bridge(frozenset(avoid)) == any(map(self.is_free, self.capacity.keys() - avoid))

    @invariant()
    def counts(self) -> None:
        assert len(self.matching) == len(self.capacity)
        unused = (c - self.sessions[name] - len(self.pending[name]) for name, c in self.capacity.items())
        assert self.matching.unused_places == sum(max(0, places) for places in unused)
        networks = defaultdict(list)
        for name in self.capacity:
            source = self.sources[name]
            networks[name if source is None else source.network].append(name)
        votes = [
            2 * sum(map(self.free_places, names)) > sum(map(self.capacity.__getitem__, names))
            for names in networks.values()
        ]
        assert self.matching.is_mostly_free == (2 * sum(votes) > len(votes))
        assert all(len(pending) <= OFFERS_PER_BRIDGE for pending in self.pending.values())
        assert not self.settled & set(self.at)


TestPromises = Promises.TestCase


@pytest.mark.parametrize(("choose", "bridge"), [(first, "a"), (last, "b")])
def test_chance_decides_among_equals(choose: Callable[[int], int], bridge: str) -> None:
    matching = Matching(choose)
    matching.join("a", 1)
    matching.join("b", 1)
    assert matching.assign("offer") == bridge


def test_one_network_of_bridges_decides_alone_neither_that_all_is_taken_nor_that_all_is_free() -> None:
    for lie in (0, 64):
        matching = Matching(first)
        for number in range(20):
            matching.join(f"fake {number}", 64, SOURCES[0])
            matching.report_load(f"fake {number}", lie)
        for number in range(3):
            matching.join(f"honest {number}", 4)
            matching.report_load(f"honest {number}", 0 if lie else 3)
        assert matching.is_mostly_free == bool(lie)


def test_whether_more_than_half_of_all_places_are_free() -> None:
    matching = Matching(first)
    assert not matching.is_mostly_free
    matching.join("a", 3, SOURCES[0])
    matching.join("b", 2, SOURCES[0])
    matching.report_load("a", 2)
    assert matching.is_mostly_free
    matching.assign("offer")
    assert not matching.is_mostly_free
    matching.report_load("a", 0)
    assert matching.is_mostly_free


def test_a_bridge_that_lies_about_its_load_gets_no_more_than_its_share() -> None:
    turn = iter(range(1000))
    matching = Matching(lambda count: next(turn) % count)
    for name in ("honest", "liar", "other"):
        matching.join(name, BRIDGE_CAPACITY_MAX)
    matching.report_load("honest", 9)
    matching.report_load("other", 9)
    chosen = []
    for number in range(30):
        bridge = matching.assign(f"offer {number}")
        assert bridge is not None
        chosen.append(bridge)
        matching.settle(bridge, f"offer {number}")
        matching.report_load("liar", 0)
    assert chosen.count("liar") == 10


def test_every_equal_is_chosen_by_one_of_the_indexes_whoever_is_excluded() -> None:
    """Two groups are equal here: bridges that are open, and those that are behind a cone."""
    names = [f"b{number}" for number in range(12)]
    excluded = frozenset({"b0", "b5", "b6", "b11", "nobody"})
    chosen = []
    for index in range(8):
        matching = Matching(lambda count, index=index: index)  # type: ignore[misc]
        for name in names:
            matching.join(name, 1)
            matching.report_network(name, Network("open" if name < "b3" else "cone"))
        chosen.append(matching.assign("offer", excluded - {"b0"}, Network("open"), frozenset({"b0"})))
    assert sorted(filter(None, chosen)) == sorted(set(names) - excluded)


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python some work runs through, each turn of a loop included."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    gc.disable()  # whoever waits for a collection may run through lines of their own
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


@pytest.mark.parametrize("has_turn", [True, False])
def test_no_work_grows_with_the_number_of_bridges(has_turn: bool) -> None:
    def work_with(bridges: int) -> int:
        kinds = [None, Network("open"), Network("cone", "cone"), Network("symmetric")]
        matching = Matching(last)
        for number in range(bridges):
            matching.join(f"b{number}", 4)
            if kind := kinds[number % len(kinds)]:
                matching.report_network(f"b{number}", kind)

        def work() -> None:
            matching.join("new", 1)
            chosen = matching.assign("one", {"b1"}, Network("symmetric"), frozenset({"b2", "b5"}), has_turn=has_turn)
            assert chosen is not None
            assert matching.is_mostly_free
            assert matching.has_free_bridge(frozenset({"b3"}))
            matching.count_miss(chosen)
            matching.settle(chosen, "one")
            matching.count_answer(chosen)
            matching.report_load(chosen, 2)
            matching.leave(chosen)

        return steps(work)

    assert work_with(4_000) == work_with(16)


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
            bridge = matching.assign("offer", network=client, has_turn=True)
            assert bridge is not None
            chosen[bridge] += 1
            matching.settle(bridge, "offer")
            if lie is not None:
                matching.report_network("liar", lie)  # again and again
    assert chosen["liar"] <= chosen["open"]
    if lie == Network("open", "open"):
        assert chosen["liar"] == chosen["open"]


def test_a_new_report_does_not_make_up_for_misses() -> None:
    matching = Matching(first)
    for name in ("mute", "good"):
        matching.join(name, 1)
        matching.report_network(name, Network("cone"))
    matching.count_miss("mute")
    matching.report_network("mute", Network("open"))
    assert matching.assign("offer", network=Network("symmetric")) == "good"


def test_a_bridge_that_does_not_answer_comes_before_an_impossible_one() -> None:
    matching = Matching(first)
    for name, network in (("mute", Network("cone")), ("impossible", Network("symmetric"))):
        matching.join(name, 1)
        matching.report_network(name, network)
    matching.count_miss("mute")
    client = Network("symmetric")
    assert matching.assign("one", network=client, has_turn=True) == "mute"
    assert matching.assign("two", network=client) is None, "no TURN server"
    assert matching.assign("two", network=client, has_turn=True) == "impossible"


def test_a_bridge_that_does_not_answer_is_asked_last_and_then_disconnected() -> None:
    matching = Matching(first)
    matching.join("mute", 9)
    matching.join("good", 1)
    assert not matching.count_miss("mute", b"1")
    assert not matching.count_miss("mute", b"2")
    assert matching.assign("one") == "good"
    assert matching.assign("two") == "mute", "better than nobody"
    assert matching.count_miss("mute", b"3"), "three times in a row"
    assert not matching.count_miss("gone", b"1"), "nobody to disconnect"


def test_refusals_never_change_who_is_asked_first() -> None:
    matching = Matching(last)  # a bridge that was moved stands at the end
    matching.join("honest", 9)
    matching.join("taker", 9)
    for network in (b"1", b"2"):
        assert not matching.count_miss("honest", network, is_refusal=True)
    assert matching.assign("one") == "honest"
    assert matching.count_miss("honest", b"3", is_refusal=True), "three networks"
    assert matching.assign("two") == "taker"


def test_misses_can_be_forgotten() -> None:
    matching = Matching(last)  # a bridge that was moved stands at the end
    matching.join("slow", 9)
    matching.join("good", 9)
    for network in (b"1", b"2"):
        matching.count_miss("slow", network)
    matching.forget_misses("slow")
    matching.forget_misses("gone")
    assert matching.assign("one") == "slow"
    assert not matching.count_miss("slow", b"3")


@pytest.mark.parametrize("client", [Network("symmetric"), Network()])
@pytest.mark.parametrize("claim", [Network("open", "open"), None])
def test_one_that_only_claims_to_be_open_gets_its_share_beside_proved_bridges(
    client: Network, claim: Network | None
) -> None:
    chosen = Counter[str | None]()
    random = Random(1)
    matching = Matching(random.randrange)
    for number in range(10):
        matching.join(f"b{number}", 9)
        matching.report_network(f"b{number}", Network("open" if client.blocks_udp else "cone"))
        matching.set_proved(f"b{number}", True)
    matching.join("liar", 9)
    if claim is not None:
        matching.report_network("liar", claim)
    for _ in range(200):
        bridge = matching.assign("offer", network=client)
        assert bridge is not None
        chosen[bridge] += 1
        matching.settle(bridge, "offer")
    assert chosen["liar"] < 60


def test_two_networks_alone_can_get_no_bridge_disconnected_and_nobody_unknown_can() -> None:
    matching = Matching(first)
    matching.join("bridge", 9)
    for _ in range(20):
        assert not any(matching.count_miss("bridge", network) for network in (b"1", b"2", None))
    assert matching.assign("one") == "bridge"
    assert matching.count_miss("bridge", b"3")


def test_a_bridge_that_is_to_be_disconnected_gets_no_offer() -> None:
    matching = Matching(first, BrokerSettings(misses_max=1))
    matching.join("mute", 9)
    assert matching.count_miss("mute", b"1")
    assert matching.assign("one") is None
    assert not matching.has_free_bridge()


def test_an_answer_makes_up_for_misses() -> None:
    matching = Matching(first)
    matching.join("a", 9)
    assert not matching.count_miss("a", b"1")
    assert not matching.count_miss("a", b"2")
    matching.count_answer("a")
    assert not matching.count_miss("a", b"3")


def test_the_load_that_a_bridge_reports_counts() -> None:
    matching = Matching(first)
    matching.join("a", 2)
    matching.report_load("a", 2)
    assert matching.assign("offer") is None
    matching.report_load("a", 1)
    assert matching.assign("offer") == "a"


def test_an_offer_for_some_bridges_goes_to_none_but_these() -> None:
    matching = Matching(last)
    for number in range(300):
        matching.join(f"b{number}", 1)
    assert matching.assign("one", {"b1"}, avoid=frozenset({"b2"}), only={"b1", "b2", "b3", "gone"}) == "b3"
    assert matching.assign("two", only={"b3"}) is None, "it is not free"
    assert matching.assign("three", only=frozenset()) is None
    chosen = matching.assign("four", only={f"b{number}" for number in range(100, 300)})
    assert chosen is not None
    assert int(chosen[1:]) >= 100


def test_whoever_can_spare_none_gets_no_newcomer() -> None:
    matching = Matching(last)  # each offer is the one in four
    for name in ("proved", "new"):
        matching.join(name, 9)
        matching.report_network(name, Network("open"))
    assert matching.assign("one", network=Network("cone"), takes_newcomers=False) is not None, "nobody has proved it"
    matching.set_proved("proved", True)
    assert matching.assign("two", network=Network("cone")) == "new"
    assert matching.assign("three", network=Network("cone"), takes_newcomers=False) == "proved"
    assert matching.assign("four", {"proved"}, Network("cone"), takes_newcomers=False) == "new", "better than nobody"


def test_an_offer_for_many_bridges_looks_at_a_few_of_them() -> None:
    matching = Matching(Random(1).randrange)
    names = {f"b{number}" for number in range(1_000)}
    for name in names:
        matching.join(name, 1)
    assert steps(lambda: matching.assign("offer", only=names)) < 8_000
