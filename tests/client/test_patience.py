"""Time limits that stand still while the session has no link."""

from __future__ import annotations

import asyncio

import pytest

from freespan.client.patience import Patience
from tests.support import virtual_time


@pytest.mark.parametrize("pauses", [[(0.0, 50.0)], [(5.0, 300.0)], [(1.0, 2.0), (4.0, 90.0), (95.0, 99.0)], []])
def test_the_time_of_pauses_does_not_count(pauses: list[tuple[float, float]]) -> None:
    async def main() -> float:
        loop, patience = asyncio.get_running_loop(), Patience()
        began = loop.time()
        for begin, end in pauses:
            loop.call_at(began + begin, patience.pause)
            loop.call_at(began + end, patience.resume)
            loop.call_at(began + end, patience.resume)  # a second one changes nothing
        with pytest.raises(TimeoutError):
            async with patience.limit(10.0):
                await asyncio.sleep(1_000)
        return loop.time() - began

    paused = sum(end - begin for begin, end in pauses)
    assert virtual_time.run(main()) == pytest.approx(10.0 + paused)


def test_what_begins_in_a_pause_has_all_its_time() -> None:
    async def main() -> float:
        loop, patience = asyncio.get_running_loop(), Patience()
        patience.pause()
        patience.pause()
        began = loop.time()
        loop.call_at(began + 77.0, patience.resume)
        with pytest.raises(TimeoutError):
            async with patience.limit(3.0):
                await asyncio.sleep(1_000)
        return loop.time() - began

    assert virtual_time.run(main()) == pytest.approx(80.0)


def test_what_has_ended_is_forgotten() -> None:
    async def main() -> None:
        patience = Patience()
        async with patience.limit(3.0):
            patience.pause()
        patience.resume()
        with pytest.raises(KeyError):
            async with patience.limit(3.0):
                raise KeyError
        patience.pause()
        patience.resume()

    virtual_time.run(main())
