"""Requests that wait: the newest one of the greediest source leaves at once, and everybody else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from freespan.broker.responses import ProblemError
from freespan.broker.waiting_requests import WaitingRequests
from freespan.sources.shares import Places
from freespan.sources.source import Source
from tests.support import virtual_time

GREEDY, MODEST = Source(b"greedy", b"its network"), Source(b"modest", b"another network")


class Lab:
    """Four places, of which one is kept for newcomers."""

    def __init__(self) -> None:
        self.requests = WaitingRequests(4, 1, Places(2, 8))

    async def wait(self, source: Source | None, seconds: float = 60.0) -> str:
        """Wait for ever; returns what ended it."""
        try:
            async with self.requests.waiting(source, seconds):
                await asyncio.Event().wait()
        except ProblemError as error:
            return f"{error.problem.status} {error.problem.code}"
        except TimeoutError:
            return "timeout"
        return "woken"

    async def start(self, source: Source | None) -> asyncio.Task[str]:
        task = asyncio.create_task(self.wait(source), name="request")
        await asyncio.sleep(0.001)
        return task


def run(scenario: Coroutine[Any, Any, None]) -> None:
    virtual_time.run(scenario)


def test_the_newest_of_the_greediest_leaves() -> None:
    async def scenario() -> None:
        lab = Lab()
        greedy = [await lab.start(GREEDY) for _ in range(3)]
        modest = await lab.start(MODEST)
        assert await greedy[2] == "503 busy"
        assert not any(task.done() for task in (*greedy[:2], modest))
        assert len(lab.requests) == 3
        assert await (await lab.start(GREEDY)) == "503 busy", "it is the newest itself"
        assert [await task for task in (*greedy[:2], modest)] == ["timeout"] * 3
        assert len(lab.requests) == 0

    run(scenario())


def test_who_is_cancelled_frees_the_place() -> None:
    async def scenario() -> None:
        lab = Lab()
        task = await lab.start(MODEST)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(lab.requests) == 0

    run(scenario())


def test_one_that_has_just_timed_out_can_still_be_told_to_leave() -> None:
    async def scenario() -> None:
        lab = Lab()
        outcomes = await asyncio.gather(*(lab.wait(GREEDY, 1.0) for _ in range(3)), later(lab))
        assert outcomes[0] == outcomes[1] == "timeout"
        assert outcomes[2] in ("timeout", "503 busy")

    async def later(lab: Lab) -> str:
        await asyncio.sleep(1.0)
        return await lab.wait(MODEST, 1.0)

    run(scenario())
