"""Requests that wait: a bounded number at a time, shared out by source. Whoever has to leave is told at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from freespan.broker.responses import ProblemError
from freespan.sources.shares import Places, Shares
from freespan.sources.source import Source


class _Waiting:
    """One request; its `limit` ends when its time is over, or its place is taken away."""

    __slots__ = ("has_lost_place", "limit")

    def __init__(self, seconds: float) -> None:
        self.limit = asyncio.timeout(seconds)
        self.has_lost_place = False

    def leave(self) -> None:
        self.has_lost_place = True
        if not self.limit.expired():
            self.limit.reschedule(asyncio.get_running_loop().time())


class WaitingRequests:
    """The places for requests of one kind.

    Args:
        total: how many requests may wait at a time.
        newcomers: how many of the places are kept for sources that are not greedy.
        places: how many a host and a network may have without being greedy.
    """

    def __init__(self, total: int, newcomers: int, places: Places) -> None:
        self._shares = Shares[_Waiting](total, newcomers=newcomers, places=places)

    def __len__(self) -> int:
        return len(self._shares)

    @contextlib.asynccontextmanager
    async def waiting(self, source: Source | None, seconds: float) -> AsyncIterator[None]:
        """Have a place for the length of the block, which may take so many seconds.

        Raises:
            ProblemError: 503 `busy`. There is no place, or it was taken away for a source that has fewer.
            TimeoutError: the block took too long.
        """
        waiting = _Waiting(seconds)
        leaving = self._shares.add(waiting, source)
        if leaving is waiting:
            raise _busy()
        if leaving is not None:
            leaving.leave()
        try:
            async with waiting.limit:
                yield
        except TimeoutError:
            if waiting.has_lost_place:
                raise _busy() from None
            raise
        finally:
            self._shares.discard(waiting)


def _busy() -> ProblemError:
    return ProblemError(503, "busy", "the broker is busy")
