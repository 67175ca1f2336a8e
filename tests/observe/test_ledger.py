"""The ledger counts what is held, and ends whoever holds the most when that is too much."""

from __future__ import annotations

import random
from collections.abc import Hashable

from freespan.observe.ledger import FULL, Account, Ledger


class Holder:
    """Holds what it is told to; it ends at once, or when it is told to (`late`)."""

    def __init__(
        self,
        ledger: Ledger,
        source: Hashable | None = None,
        weight: float = 1.0,
        *,
        network: Hashable | None = None,
        late: bool = False,
    ) -> None:
        self.reason = ""
        self.late = late
        self.account: Account = ledger.account(self.end, source, weight, network=network)

    def end(self, reason: str) -> None:
        assert not self.reason
        self.reason = reason
        if not self.late:
            self.account.close()

    def hold(self, held: int) -> Holder:
        self.account.report(held)
        return self


def test_the_total_is_what_all_accounts_hold_together() -> None:
    ledger = Ledger()
    one, other = ledger.account(), ledger.account()
    one.report(10)
    other.report(30)
    one.report(5)
    assert ledger.total == 35
    other.close()
    other.report(70)
    assert ledger.total == 5
    assert not ledger.is_full


def test_at_the_limit_those_that_hold_the_most_end_until_some_of_it_is_free() -> None:
    ledger = Ledger(1600)
    small = [Holder(ledger).hold(100) for _ in range(5)]
    big, bigger = Holder(ledger).hold(400), Holder(ledger).hold(600)
    newcomer = Holder(ledger).hold(101)
    assert bigger.reason == FULL
    assert not any(one.reason for one in [*small, big, newcomer])
    assert ledger.total == 1001
    assert ledger.ended == 1


def test_who_grows_may_be_the_one_that_ends() -> None:
    ledger = Ledger(1000)
    quiet, greedy = Holder(ledger).hold(300), Holder(ledger).hold(600)
    greedy.hold(800)
    assert greedy.reason
    assert not quiet.reason
    assert ledger.total == 300


def test_the_source_that_holds_the_most_pays_and_not_the_biggest_holder() -> None:
    ledger = Ledger(1000)
    reader = Holder(ledger, "reader").hold(300)
    attackers = [Holder(ledger, "attacker").hold(50) for _ in range(14)]
    attackers.append(Holder(ledger, "attacker").hold(60))
    assert not reader.reason
    assert attackers[-1].reason
    assert sum(bool(one.reason) for one in attackers) == 3


def test_a_source_of_more_weight_may_hold_more() -> None:
    ledger = Ledger(1000)
    busy = [Holder(ledger, "a bridge of many readers", 8).hold(100) for _ in range(6)]
    greedy = Holder(ledger, "somebody").hold(200)
    Holder(ledger, "the next").hold(250)
    assert greedy.reason or ledger.total <= 1000
    assert not any(one.reason for one in busy)


def test_many_sources_of_one_network_are_greedy_together() -> None:
    ledger = Ledger(1000)
    reader = Holder(ledger, "reader", network="home").hold(80)
    attackers = [Holder(ledger, number, network="the attacker's").hold(10) for number in range(92)]
    last = Holder(ledger, "the last", network="the attacker's").hold(10)
    assert not reader.reason
    assert sum(bool(one.reason) for one in [*attackers, last]) == 8
    assert ledger.total <= 1000


def test_what_will_be_free_soon_ends_nobody_else() -> None:
    ledger = Ledger(1000)
    slow, other = Holder(ledger, late=True).hold(800), Holder(ledger).hold(150)
    other.hold(220)
    assert slow.reason
    other.hold(230)
    slow.hold(850)
    assert not other.reason
    assert not ledger.is_full
    slow.account.close()
    assert ledger.total == 230


def test_it_is_full_when_nobody_is_left_who_could_end() -> None:
    ledger = Ledger(1000)
    broker = ledger.account(part=0.5)
    assert broker.has_room(500)
    assert not broker.has_room(501)
    tickets = ledger.account()
    tickets.report(1000)
    assert ledger.is_full
    assert not broker.has_room(1)
    tickets.report(900)
    assert not ledger.is_full
    assert broker.has_room(100)


def test_many_accounts_of_many_sources_never_stay_above_the_limit() -> None:
    chance = random.Random(7)
    ledger = Ledger(100_000)
    holders: list[Holder] = []
    for step in range(5_000):
        if len(holders) < 300:
            source = chance.randrange(40)
            holders.append(Holder(ledger, source or None, network=source // 4 or None, late=step % 3 == 0))
        chance.choice(holders).hold(chance.randrange(2_000))
        for one in [one for one in holders if one.reason and (not one.late or chance.random() < 0.2)]:
            one.account.close()
            holders.remove(one)
        going = sum(one.account.held for one in holders if one.reason)
        assert ledger.total == sum(one.account.held for one in holders)
        assert ledger.total - going <= 100_000
    assert ledger.ended > 100
