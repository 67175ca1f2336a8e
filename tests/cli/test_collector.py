"""The collector of a host looks at few objects at a time, and still frees what libraries leave behind."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from freespan.cli.collector import Collector
from tests.support.virtual_time import run


class Circle:
    """Refers to itself, so only the collector can free it."""

    def __init__(self) -> None:
        self.itself = self
        self.more = [self]


@pytest.fixture(autouse=True)
def own_collector() -> Iterator[None]:
    """Leave the collector of the tests as it is."""
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.callbacks[:] = callbacks
    gc.set_threshold(*thresholds)
    gc.unfreeze()


pytestmark = pytest.mark.skipif(sys.version_info >= (3, 14), reason="the collector works in small steps by itself")


def passes(kept: list[object]) -> list[tuple[int, int]]:
    """The generation of each collection while 300,000 objects come, and how many objects it could look at, at most."""
    seen: list[tuple[int, int]] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            generation = info["generation"]
            seen.append((generation, sum(len(gc.get_objects(younger)) for younger in range(generation + 1))))

    gc.callbacks.append(note)
    kept.extend([] for _ in range(300_000))
    gc.callbacks.remove(note)
    return seen


def test_no_collection_of_a_host_looks_at_all_objects() -> None:
    async def main() -> None:
        Collector(is_host=True).start()
        await asyncio.sleep(6)
        kept: list[object] = []
        seen = passes(kept)
        assert {generation for generation, _ in seen} == {0, 1}
        assert max(count for _, count in seen) < 100_000
        assert len(gc.get_objects(2)) < 100_000, "the old ones are put aside"

    run(main())


def test_what_dies_young_is_freed() -> None:
    async def main() -> None:
        Collector(is_host=True).start()
        await asyncio.sleep(6)
        gone = weakref.ref(Circle())
        passes([])
        assert gone() is None

    run(main())


def test_what_dies_old_is_freed_while_there_is_little_of_it() -> None:
    async def main() -> None:
        Collector(is_host=True).start()
        await asyncio.sleep(6)
        circle = Circle()
        gone = weakref.ref(circle)
        passes([])
        del circle
        passes([])
        assert gone() is not None
        await asyncio.sleep(601)
        assert gone() is None

    run(main())


def test_a_client_collects_as_python_does() -> None:
    async def main() -> None:
        Collector(is_host=False).start()
        await asyncio.sleep(6)
        assert gc.get_freeze_count() > 10_000, "the libraries are put aside"
        assert gc.get_threshold()[2] < 100, "nothing that a client holds is too much to look at"

    run(main())
