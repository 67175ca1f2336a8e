"""The answers that are kept for copies of a request: for how long, how many, and whose are forgotten."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from freespan.broker.kept_answers import UNIT, UNIT_COST, KeptAnswer, KeptAnswers
from freespan.broker.settings import BrokerSettings
from freespan.observe.ledger import Ledger
from freespan.sources.shares import Places
from freespan.sources.source import Source

ANSWER = bytes(UNIT)
SETTINGS = BrokerSettings(answers_max=8, answers_for_newcomers=2, answer_places=Places(2, 8), answers_seconds=600.0)
GREEDY, OTHER = Source(b"greedy", b"one network"), Source(b"other", b"another network")


class Kept:
    """What is under test, with its ledger."""

    def __init__(self, settings: BrokerSettings = SETTINGS, most_bytes: int | None = None) -> None:
        self.ledger = Ledger()
        self.answers = KeptAnswers(settings, self.ledger.account(), most_bytes)

    def answer(
        self, body: bytes, now: float = 0.0, source: Source | None = OTHER, answer: bytes = ANSWER
    ) -> KeptAnswer:
        assert self.answers.find(body, now) is None
        kept = self.answers.begin(body, source, now)
        self.answers.finish(kept, answer, source)
        return kept

    def knows(self, body: bytes, now: float = 0.0) -> bool:
        return self.answers.find(body, now) is not None


async def test_a_copy_finds_the_answer_and_nothing_else_does() -> None:
    kept = Kept()
    kept.answer(b"a")
    found = kept.answers.find(b"a", 1.0)
    assert found is not None
    assert found.answer.result() == ANSWER
    assert not kept.knows(b"b")


async def test_an_answer_is_kept_for_ten_minutes() -> None:
    kept = Kept()
    kept.answer(b"a", 0.0)
    kept.answer(b"b", 100.0)
    assert kept.knows(b"a", 599.9)
    assert not kept.knows(b"a", 600.0)
    assert kept.knows(b"b", 600.0)
    assert not kept.knows(b"b", 700.0)
    assert kept.ledger.total == len(kept.answers) == 0


async def test_a_request_that_is_given_up_is_new_the_next_time() -> None:
    kept = Kept()
    begun = kept.answers.begin(b"a", OTHER, 0.0)
    assert kept.knows(b"a")
    kept.answers.give_up(begun)
    assert begun.answer.result() is None
    assert not kept.knows(b"a")
    assert kept.ledger.total == 0
    kept.answers.give_up(kept.answer(b"a"))  # it has an answer: nothing changes
    assert kept.knows(b"a")


async def test_the_greediest_source_s_newest_is_forgotten_and_nobody_else_s() -> None:
    kept = Kept()
    kept.answer(b"honest")
    for number in range(50):
        kept.answer(b"%d" % number, source=GREEDY)
    assert kept.knows(b"honest")
    assert kept.knows(b"0")
    assert not kept.knows(b"49")
    kept.answer(b"honest, later")
    assert kept.knows(b"honest, later"), "places are kept for newcomers"
    assert kept.ledger.total <= SETTINGS.answers_max * UNIT_COST


async def test_where_no_source_is_known_the_oldest_is_forgotten() -> None:
    kept = Kept()
    for number in range(50):
        kept.answer(b"%d" % number, source=None)
    assert [number for number in range(50) if kept.knows(b"%d" % number)] == list(range(42, 50))


async def test_a_longer_answer_takes_more_places() -> None:
    kept = Kept()
    kept.answer(b"long", source=GREEDY, answer=bytes(4 * UNIT))
    assert kept.ledger.total == 4 * UNIT_COST
    for number in range(6):
        kept.answer(b"%d" % number, source=Source(b"%d" % number, b"%d" % number))
    assert not kept.knows(b"long")
    assert kept.ledger.total == 6 * UNIT_COST


async def test_a_request_that_was_forgotten_while_it_was_under_way_disturbs_no_other() -> None:
    kept = Kept()
    first = kept.answers.begin(b"a", GREEDY, 0.0)
    kept.answers._forget(first.name)
    second = kept.answers.begin(b"a", OTHER, 1.0)
    kept.answers.finish(first, bytes(4 * UNIT), GREEDY)
    kept.answers.give_up(first)
    assert kept.answers.find(b"a", 1.0) is second
    assert kept.ledger.total == UNIT_COST
    kept.answers.give_up(second)
    assert kept.ledger.total == 0


async def test_a_host_with_little_memory_keeps_fewer() -> None:
    kept = Kept(most_bytes=3 * UNIT_COST + 1)
    for number in range(50):
        kept.answer(b"%d" % number, source=None)
    assert len(kept.answers) == 3


async def test_a_host_without_memory_keeps_none_and_answers_all_the_same() -> None:
    kept = Kept(most_bytes=0)
    assert kept.answer(b"a").answer.result() == ANSWER
    assert not kept.knows(b"a")


@pytest.mark.parametrize("source", [True, False], ids=["sources are known", "sources are not known"])
async def test_what_an_answer_takes_is_counted(source: bool) -> None:
    kept = Kept(BrokerSettings())
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(2_000):
            name = b"%16d" % number
            kept.answer(name, source=Source(name, name) if source else None, answer=bytes(UNIT))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < kept.ledger.total
