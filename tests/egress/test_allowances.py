"""What sessions, places and invites may spend: connections, connections to one destination, and bytes."""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from freespan.egress.allowances import Allowances, Meter, Spender
from freespan.egress.settings import EgressSettings
from freespan.sources.rate import Rate
from freespan.wire.addresses import Address
from freespan.wire.errors import StreamError

FEW = EgressSettings(
    connections=Rate(per_second=1.0, burst=4),
    connections_to_one=Rate(per_second=0.5, burst=2),
    connection_patience_seconds=2.0,
    bytes_a_day=6_400,
    place_times=2,
    invite_times=3,
)
IMPATIENT = dataclasses.replace(FEW, connection_patience_seconds=0.0)
ONE, OTHER = ipaddress.ip_address("9.9.9.9"), ipaddress.ip_address("1.1.1.1")
DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def allowances(clock: Clock, settings: EgressSettings = FEW) -> Allowances:
    return Allowances(settings, clock)


def spender(session: int = 1, place: int = 1, invite: int = 0) -> Spender:
    return Spender(b"s%d" % session, b"p%d" % place, b"i%d" % invite if invite else b"")


def rule(call: object, *arguments: object) -> str:
    """The rule by which a call is refused; empty if it is not."""
    assert callable(call)
    try:
        call(*arguments)
    except StreamError as error:
        return error.status.rule
    return ""


def opened(allowed: Allowances, who: Spender, at_most: int = 100) -> int:
    """How many connections may be opened at once."""
    return next((count for count in range(at_most) if rule(allowed.open, who)), at_most)


def direct(*addresses: Address) -> dict[Address, Address]:
    return {address: address for address in addresses}


# --- new connections -----------------------------------------------------------------------------


def test_a_session_opens_some_at_once_then_waits_and_then_is_refused() -> None:
    clock = Clock()
    allowed = allowances(clock)
    waits = [allowed.open(spender()) for _ in range(6)]
    assert waits == [0, 0, 0, 0, 1, 2]
    assert rule(allowed.open, spender()) == "connections"
    clock.now += 3
    assert allowed.open(spender()) == 0


def test_other_sessions_are_not_held_up() -> None:
    allowed = allowances(Clock())
    while not rule(allowed.open, spender()):
        pass
    assert allowed.open(spender(session=2)) == 0


def test_many_sessions_of_one_place_have_no_more_than_the_place() -> None:
    allowed = allowances(Clock(), IMPATIENT)
    assert sum(opened(allowed, spender(session=number)) for number in range(10)) == 8
    assert opened(allowed, spender(session=99, place=2)) == 4


def test_many_sessions_of_one_invite_have_no_more_than_the_invite_wherever_they_come_from() -> None:
    allowed = allowances(Clock(), IMPATIENT)
    assert sum(opened(allowed, spender(number, number, invite=7)) for number in range(10)) == pytest.approx(12, abs=1)
    assert opened(allowed, spender(50, 50, invite=8)) == 4
    assert opened(allowed, spender(60, 60)) == 4


def test_what_is_refused_costs_nothing() -> None:
    """Else whoever tries again and again would never get another one."""
    clock = Clock()
    allowed = allowances(clock)
    for _ in range(1_000):
        rule(allowed.open, spender(invite=7))
    clock.now += 3
    assert allowed.open(spender(invite=7)) == 0


# --- one destination -----------------------------------------------------------------------------


def test_only_so_many_connections_to_one_destination() -> None:
    clock = Clock()
    allowed = allowances(clock)
    assert [rule(allowed.connect, spender(), direct(ONE)) for _ in range(3)] == ["", "", "destination"]
    assert rule(allowed.connect, spender(), direct(OTHER)) == ""
    clock.now += 2
    assert allowed.connect(spender(), direct(ONE)) == [ONE]


def test_a_destination_is_left_out_where_a_name_has_others() -> None:
    """Else a name that leads to a victim among others would lead there every time."""
    allowed = allowances(Clock())
    for _ in range(2):
        allowed.connect(spender(), direct(ONE))
    assert allowed.connect(spender(), direct(ONE, OTHER)) == [OTHER]


def test_many_names_of_one_address_are_one_destination_and_so_is_a_network_of_ipv6() -> None:
    allowed = allowances(Clock())
    inside = [ipaddress.ip_address(f"2a00:1:2:3::{number}") for number in (1, 2, 3)]
    assert [rule(allowed.connect, spender(), direct(one)) for one in inside] == ["", "", "destination"]
    assert rule(allowed.connect, spender(), direct(ipaddress.ip_address("2a00:1:2:4::1"))) == ""


def test_an_address_counts_as_the_one_that_it_stands_for() -> None:
    allowed = allowances(Clock())
    wrapped = ipaddress.ip_address("64:ff9b::9.9.9.9")
    for _ in range(2):
        assert allowed.connect(spender(), {wrapped: ONE}) == [wrapped]
    assert rule(allowed.connect, spender(), direct(ONE)) == "destination"


def test_sessions_of_one_place_or_invite_share_what_they_may_open_to_one_destination() -> None:
    allowed = allowances(Clock())
    tried = [rule(allowed.connect, spender(session=number), direct(ONE)) for number in range(10)]
    assert tried.count("") == 4
    tried = [rule(allowed.connect, spender(number, number, invite=7), direct(ONE)) for number in range(20, 30)]
    assert tried.count("") == 6


# --- bytes ---------------------------------------------------------------------------------------


def carried(allowed: Allowances, who: Spender, piece: int = 50) -> int:
    """Bytes that pass until a stream is cut."""
    meter, passed = Meter(allowed, who), 0
    while passed < 10**6:
        passed += piece
        if why := rule(meter.count, piece):
            assert why == "daily-bytes"
            break
    return passed


def test_a_session_carries_so_much_and_may_open_nothing_more() -> None:
    clock = Clock()
    allowed = allowances(clock)
    assert carried(allowed, spender()) == pytest.approx(FEW.bytes_a_day, abs=2 * allowed.step)
    assert rule(allowed.open, spender()) == "daily-bytes"
    assert rule(allowed.open, spender(session=2)) == ""
    clock.now += DAY / 2
    assert rule(allowed.open, spender()) == ""
    assert carried(allowed, spender()) == pytest.approx(FEW.bytes_a_day / 2, abs=2 * allowed.step)


def test_a_place_and_an_invite_carry_more_and_not_without_end() -> None:
    allowed = allowances(Clock())
    assert sum(carried(allowed, spender(number)) for number in range(9)) == pytest.approx(2 * 6_400, rel=0.2)
    total = sum(carried(allowed, spender(number, number, invite=7)) for number in range(20, 29))
    assert total == pytest.approx(3 * 6_400, rel=0.2)


def test_streams_that_end_early_are_counted_too() -> None:
    """Each carries less than is settled at once."""
    allowed = allowances(Clock())
    for _ in range(FEW.bytes_a_day // 50):
        meter = Meter(allowed, spender())
        meter.count(50)
        meter.settle()
    assert rule(allowed.open, spender()) == "daily-bytes"


def test_the_usual_allowances_are_far_from_what_one_reader_needs() -> None:
    """A page is some sixty connections, and a day of films some tens of gigabytes."""
    usual = EgressSettings()
    allowed = Allowances(usual, Clock())
    assert opened(allowed, spender(), 1_000) == 1_000
    assert all(allowed.connect(spender(), direct(ONE)) for _ in range(500))
    assert usual.bytes_a_day >= 100 * 10**9
    assert dataclasses.replace(usual).place_times >= usual.sessions_each
