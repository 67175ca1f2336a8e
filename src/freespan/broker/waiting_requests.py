"""Requests that wait: a bounded number at a time, shared out by source. Whoever has to leave is told at once."""

from __future__ import annotations

import asyncio
from types import TracebackType

from freespan.broker.responses import ProblemError
from freespan.sources.shares import Places, Shares
from freespan.sources.source import Source


class _Waiting:
    """One request; its `limit` ends when its time is over, or its place is taken away."""

    __slots__ = ("_has_lost_place", "_is_preferred", "_limit", "_shares", "_source")

    def __init__(self, shares: Shares[_Waiting], source: Source | None, seconds: float, is_preferred: bool) -> None:
        self._shares = shares
        self._source = source
        self._is_preferred = is_preferred
        self._limit = asyncio.timeout(seconds)
        self._has_lost_place = False

    async def __aenter__(self) -> None:
        leaving = self._shares.add(self, self._source, is_preferred=self._is_preferred)
        if leaving is self:
            raise busy()
        if leaving is not None:
            leaving._leave()
        await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._shares.discard(self)
        try:
            await self._limit.__aexit__(kind, error, traceback)
        except TimeoutError:
            if self._has_lost_place:
                raise busy() from None
            raise
        if isinstance(error, TimeoutError) and self._has_lost_place:
            raise busy() from None

    def _leave(self) -> None:
        self._has_lost_place = True
        if not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())


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

    def waiting(self, source: Source | None, seconds: float, *, is_preferred: bool = False) -> _Waiting:
        """Have a place for the length of an `async with` block, which may take so many seconds.

        Requests that are not preferred leave first.

        Raises:
            ProblemError: 503 `busy`. There is no place, or it was taken away for a source that has fewer.
            TimeoutError: the block took too long.
        """
        return _Waiting(self._shares, source, seconds, is_preferred)


def busy() -> ProblemError:
    """The problem for whoever has no place, or none any more."""
    return ProblemError(503, "busy", "the broker is busy")
