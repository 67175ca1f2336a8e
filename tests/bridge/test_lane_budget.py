"""How many lanes one session may ask for; tests/js/lane-budget.test.js reads the same vectors."""

import json
from pathlib import Path
from typing import Any

import pytest

from freespan.bridge.lane_budget import LaneBudget

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "lane_budget.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_shared_vectors(vector: dict[str, Any]) -> None:
    budget = LaneBudget(0.0)
    for step in vector["steps"]:
        assert sum(budget.may_ask(step["at"]) for _ in range(step.get("ask", 0))) == step.get("asked", 0), step
        assert sum(budget.take(step["at"]) for _ in range(step.get("take", 0))) == step.get("taken", 0), step
        for _ in range(step.get("opened", 0)):
            budget.give_back()


def test_an_hour_of_lanes_that_do_not_open_is_bounded() -> None:
    budget = LaneBudget(0.0)
    assert sum(budget.take(float(second)) for second in range(3_600)) <= 8 + 48


def test_lanes_that_open_and_close_all_the_time_are_bounded_too() -> None:
    budget = LaneBudget(0.0)
    opened = 0
    for second in range(3_600):
        while budget.take(float(second)):
            budget.give_back()
            opened += 1
    assert opened <= 64 + 6 * 64
