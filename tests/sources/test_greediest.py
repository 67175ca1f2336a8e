"""When too much is held, the greediest source gives back first, and no more than has to be."""

from __future__ import annotations

from freespan.sources.greediest import greediest


def source_of(name: str) -> str:
    return name[0]


def test_the_source_with_the_most_begins_with_what_holds_the_most() -> None:
    held = {"a1": 30, "a2": 35, "b1": 40, "c1": 20}
    assert greediest(held, 125, source_of) == []
    assert greediest(held, 124, source_of) == ["a2"]


def test_when_another_source_holds_more_it_goes_on_with_that_one() -> None:
    held = {"a1": 30, "a2": 35, "b1": 40, "c1": 20}
    assert greediest(held, 80, source_of) == ["a2", "b1"]
    assert sorted(greediest(held, 0, source_of)) == sorted(held)
