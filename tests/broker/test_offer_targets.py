"""How often bridges may be sent to an address, whoever asks for it."""

from __future__ import annotations

import ipaddress
from contextlib import AsyncExitStack
from itertools import product
from typing import Any

import pytest

from freespan.broker.offer_targets import OfferTargets
from freespan.broker.settings import BrokerSettings
from freespan.broker.turn import TurnServers
from freespan.broker.turn_addresses import TurnAddresses
from freespan.sources.rate import Rate
from freespan.sources.requests import SourceReader
from freespan.sources.source import Source, SourceHasher
from tests.broker.conftest import Lab, Response, request, running_lab
from tests.broker.test_greedy_readers import bridges
from tests.support.sdp import OFFER

HEADER = "X-Sender"
QUICK = BrokerSettings(
    offers_at_own_host=Rate(per_second=0.01, burst=6),
    offers_at_other_host=Rate(per_second=0.01, burst=3),
)
HASHER = SourceHasher(lambda: 0.0, bytes)


def source(address: str) -> Source:
    return HASHER.source_of(ipaddress.ip_address(address))


class Counted:
    """The budgets, and who asks for what."""

    def __init__(self, settings: BrokerSettings = QUICK) -> None:
        self.budgets = OfferTargets(settings, HASHER)

    def passed(self, names: str, requester: str | None, now: float = 0.0, turn: str = "") -> str:
        """Pass on an offer with these names; returns those that are left of them."""
        asks = None if requester is None else source(requester)
        ours = [ipaddress.ip_address(turn)] if turn else []
        targets = self.budgets.targets_of(names.split(), asks, ours)
        left = set(names.split()) - self.budgets.exhausted(targets, now)
        self.budgets.count(targets, left, now)
        return " ".join(name for name in names.split() if name in left)

    def times(self, names: str, requester: str | None, **more: Any) -> int:
        """How often it is passed on whole, out of twenty times."""
        return sum(self.passed(names, requester, **more) == names for _ in range(20))


def test_a_target_has_a_budget_whoever_asks() -> None:
    counted = Counted()
    outcomes = [counted.passed("9.9.9.9", f"11.0.{n}.1") for n in range(10)]
    assert outcomes == ["9.9.9.9"] * 3 + [""] * 7
    assert counted.passed("9.9.9.8", "11.0.0.1") == "9.9.9.8", "another target has a budget of its own"


def test_who_asks_from_the_target_has_a_larger_budget_that_nobody_else_can_use_up() -> None:
    counted = Counted()
    assert counted.times("9.9.9.9", "11.0.0.1") == 3
    assert counted.times("9.9.9.9", "9.9.9.9") == 6
    other_first = Counted()
    assert other_first.times("9.9.9.9", "9.9.9.9") == 6
    assert other_first.times("9.9.9.9", None) == 3, "one who is not known has the smaller one"


def test_an_ipv6_network_of_64_bits_is_one_target() -> None:
    counted = Counted()
    assert [counted.passed(f"2a00:1::{n:x}", "11.0.0.1") for n in range(1, 5)] == [
        *(f"2a00:1::{n}" for n in (1, 2, 3)),
        "",
    ]
    assert counted.times("2a00:1::9", "2a00:1::ffff") == 6
    assert counted.times("2a00:1:0:1::9", "11.0.0.1") == 3


def test_several_addresses_of_one_target_are_one() -> None:
    assert Counted().times("2a00:1::1 2a00:1::2", "2a00:1::3") == 6


def test_the_addresses_with_budget_are_left() -> None:
    counted = Counted()
    assert counted.times("9.9.9.9", "11.0.0.1") == 3
    assert counted.passed("9.9.9.9 2a00::1", "2a00::2") == "2a00::1", "no stranger can take the reader's own address"


def test_a_budget_fills_again() -> None:
    counted = Counted()
    assert counted.times("9.9.9.9", "11.0.0.1") == 3
    targets = counted.budgets.targets_of(["9.9.9.9"], None)
    assert counted.budgets.wait(targets, 0.0) == pytest.approx(100.0)
    assert counted.times("9.9.9.9", "11.0.0.1", now=100.0) == 1


def test_the_turn_servers_of_the_host_are_counted_by_who_asks() -> None:
    counted = Counted()
    assert counted.times("9.9.9.9", "11.0.0.1", turn="9.9.9.9") == 6
    assert counted.times("9.9.9.9", "11.0.0.2", turn="9.9.9.9") == 6, "nobody uses up the budget of others"
    assert counted.times("9.9.9.9 11.0.0.3", "11.0.0.3", turn="9.9.9.9") == 6
    assert counted.times("9.9.9.9", None, turn="9.9.9.9") == 20, "one who is not known has none to use up"


def test_addresses_of_a_private_network_and_names_are_not_counted() -> None:
    counted = Counted()
    for name in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.17.0.2", "192.0.2.1", "fd00::1", "::1", "a.local"):
        assert counted.times(name, "11.0.0.1") == 20


def test_what_is_remembered_is_bounded_and_does_not_forget_the_exhausted() -> None:
    counted = Counted(BrokerSettings(offers_at_other_host=Rate(per_second=0.01, burst=3), targets_max=64))
    assert counted.times("9.9.9.9", None) == 3
    for n in range(1000):
        counted.passed(f"9.8.{n // 250}.{n % 250}", None)
    assert len(counted.budgets) <= 64
    assert counted.times("9.9.9.9", None) == 0


# --- readers who must get through --------------------------------------------------------------
def test_many_readers_behind_one_address_of_a_carrier_get_through() -> None:
    """Three links each, all at once, after an outage."""
    counted = Counted(BrokerSettings())
    assert all(counted.passed("9.9.9.9", "9.9.9.9") for _ in range(300 * 3))


def test_three_hundred_readers_behind_one_network_get_through_and_by_a_front_as_well() -> None:
    for front in (None, "11.0.0.1"):
        counted = Counted(BrokerSettings())
        for n, _ in product(range(300), range(9)):
            address = f"9.9.9.{n % 256}"
            assert counted.passed(address, front or address)


def test_an_hour_of_attack_on_one_address_is_bounded() -> None:
    counted = Counted(BrokerSettings())
    passed = [counted.passed("9.9.9.9", f"11.{second % 250}.0.1", now=second) for second in range(3_600)]
    assert sum(map(bool, passed)) <= 240 + 600


# --- through the broker ------------------------------------------------------------------------
def naming(*addresses: str) -> str:
    candidates = (f"a=candidate:1 1 udp 1 {address} 9 typ srflx raddr 0.0.0.0 rport 9\r\n" for address in addresses)
    return OFFER.replace("a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n", "".join(candidates))


async def ask(lab: Lab, sender: str, *addresses: str) -> Response:
    return await lab.post(request(offer=naming(*addresses)), headers={HEADER: sender})


async def test_a_target_that_is_asked_for_too_often_is_refused_for_a_while() -> None:
    async with running_lab(QUICK, sources=SourceReader(HEADER)) as lab, AsyncExitStack() as stack:
        await bridges(lab, stack, 1, 64)
        statuses = [(await ask(lab, f"11.0.{n}.1", "9.9.9.9"))[0] for n in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        status, problem, headers = await ask(lab, "11.0.9.1", "9.9.9.9")
        assert (status, problem["type"]) == (429, "urn:freespan:problem:too_many_requests")
        assert problem["detail"] == "too many offers have named these addresses"
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert (await ask(lab, "9.9.9.9", "9.9.9.9"))[0] == 200
        assert (await ask(lab, "11.0.0.1", "9.9.9.8"))[0] == 200


async def test_a_bridge_is_not_given_an_address_without_budget() -> None:
    async with running_lab(QUICK, sources=SourceReader(HEADER)) as lab:
        async with AsyncExitStack() as stack:
            await bridges(lab, stack, 1, 64)
            for n in range(3):
                assert (await ask(lab, f"11.0.{n}.1", "9.9.9.9"))[0] == 200
        bridge = await lab.join()
        client = lab.asking(naming("9.9.9.9", "9.9.9.8"), {HEADER: "11.0.0.1"})
        message = await bridge.next()
        assert " 9.9.9.8 " in message["sdp"]
        assert " 9.9.9.9 " not in message["sdp"]
        await bridge.answer(message["id"])
        assert (await client)[0] == 200


async def test_an_offer_that_no_bridge_is_given_costs_nothing() -> None:
    async with running_lab(QUICK, sources=SourceReader(HEADER)) as lab:
        for n in range(20):
            assert (await ask(lab, f"11.0.{n}.1", "9.9.9.9"))[0] == 503


async def test_an_offer_without_candidates_needs_no_budget() -> None:
    async with running_lab(QUICK, sources=SourceReader(HEADER)) as lab, AsyncExitStack() as stack:
        await bridges(lab, stack, 1, 64)
        assert [(await ask(lab, "11.0.0.1"))[0] for _ in range(8)] == [200] * 8


# --- the host's TURN servers -------------------------------------------------------------------
def test_the_hosts_of_turn_servers() -> None:
    urls = ["turn:turn.example:3478?transport=udp", "turns:[2a00::1]:443", "turn:9.9.9.9"]
    assert TurnServers(urls, "north").hosts == ["turn.example", "2a00::1", "9.9.9.9"]


def test_the_names_of_turn_servers_are_looked_up_once_an_hour() -> None:
    asked: list[str] = []
    answers = [["9.9.9.8", "2a00::8"], ["9.9.9.7"]]

    def lookup(host: str) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    addresses = TurnAddresses(["turn.example", "9.9.9.9"], lambda host: lookup(host) if host == "turn.example" else [])

    def known(now: float) -> set[str]:
        addresses.current(now)
        assert addresses._thread is not None
        addresses._thread.join()
        return {str(address) for address in addresses.current(now)}

    assert known(0.0) == {"9.9.9.9", "9.9.9.8", "2a00::8"}
    assert known(3_599.0) == {"9.9.9.9", "9.9.9.8", "2a00::8"}
    assert asked == ["turn.example"]
    assert known(3_600.0) == {"9.9.9.9", "9.9.9.7"}


def test_addresses_of_turn_servers_need_no_lookup() -> None:
    addresses = TurnAddresses(["9.9.9.9"], lambda _: pytest.fail("nothing is to be looked up"))
    assert addresses.current(0.0) == {ipaddress.ip_address("9.9.9.9")}
    assert TurnAddresses([]).current(0.0) == frozenset()
