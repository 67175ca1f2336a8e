"""The message budget of a bridge: a burst, a slow rate, and more for each offer."""

from __future__ import annotations

from freespan.broker.message_budget import MessageBudget
from freespan.broker.settings import BrokerSettings

SETTINGS = BrokerSettings(messages_burst=4.0, messages_per_second=2.0)


def taken(budget: MessageBudget, now: float) -> int:
    """How many messages it takes at this moment."""
    count = 0
    while budget.take(1, now):
        count += 1
    budget.allow(1)  # the one that was refused
    return count


def test_a_burst_and_then_a_rate() -> None:
    budget = MessageBudget(SETTINGS, 100.0)
    assert taken(budget, 100.0) == 4
    assert taken(budget, 101.0) == 2
    assert taken(budget, 1_000.0) == 4, "never more than the burst"


def test_an_offer_allows_more() -> None:
    budget = MessageBudget(SETTINGS, 100.0)
    assert taken(budget, 100.0) == 4
    budget.allow(3)
    assert taken(budget, 100.0) == 3


def test_what_a_bridge_of_full_capacity_sends_stays_within_it() -> None:
    """64 sessions begin together and end together, again and again; each has its answer and two reports."""
    settings = BrokerSettings()
    budget = MessageBudget(settings, 0.0)
    for turn in range(100):
        now = 20.0 * turn
        for _ in range(64):
            budget.allow(settings.messages_per_offer)
            assert budget.take(2, now)
        assert all(budget.take(1, now + 10.0) for _ in range(64))
