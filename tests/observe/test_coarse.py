"""Counts of people: in steps, and only when they are published."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freespan.observe.coarse import CoarseCount, CoarseCounts, CoarseSettings

EIGHT = CoarseSettings()


@given(st.lists(st.sampled_from([1, -1]), max_size=60))
def test_a_count_changes_in_steps_and_only_when_it_is_published(changes: list[int]) -> None:
    count = CoarseCount(EIGHT)
    count.publish()
    for change in changes:
        count.inc(change if count.exact + change >= 0 else 1)
        assert count.published == 0
    count.publish()
    assert count.published % 8 == 0
    assert count.published <= count.exact < count.published + 8


def test_seven_readers_are_none_and_eight_are_eight() -> None:
    count = CoarseCount(EIGHT)
    published = []
    for _ in range(17):
        count.inc()
        count.publish()
        published.append(count.published)
    assert published == [0] * 7 + [8] * 8 + [16] * 2


def test_a_count_may_be_asked_for() -> None:
    held = [7]
    count = CoarseCount(EIGHT, lambda: held[0])
    count.publish()
    assert (count.exact, count.published) == (7, 0)
    held[0] = 20
    assert (count.exact, count.published) == (20, 0)
    count.publish()
    assert count.published == 16


def test_an_outcome_of_which_there_are_few_is_not_even_named() -> None:
    counts = CoarseCounts(EIGHT)
    counts.labels("answered").inc(9)
    counts.labels("no_bridge").inc(7)
    assert counts.published == {}
    counts.publish()
    assert counts.published == {"answered": 8}
