"""Hands each new status of something that runs to everybody who follows it.

publish ──▶ latest ──▶ every `Following`, each with a queue of its own ──▶ async for
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from typing import Generic, TypeVar

_UNREAD_MAX = 64
"""How many statuses a slow follower has waiting; the oldest is dropped beyond that."""

Status = TypeVar("Status")


class Feed(Generic[Status]):
    """The statuses of one thing; `end` is the last that is heard of it."""

    def __init__(self) -> None:
        self._latest: Status | None = None
        self._followers: weakref.WeakSet[Following[Status]] = weakref.WeakSet()
        self._is_over = False
        self._error: BaseException | None = None

    def publish(self, status: Status) -> None:
        """Hand a status to all followers."""
        self._latest = status
        for each in self._followers:
            each.add(status)

    def end(self, error: BaseException | None = None) -> None:
        """End all followers, with the error if there is one; later calls do nothing."""
        if self._is_over:
            return
        self._is_over, self._error = True, error
        for each in self._followers:
            each.end(error)

    def follow(self) -> Following[Status]:
        """Follow from now on; the latest status comes first, if there has been one."""
        following: Following[Status] = Following(self._latest)
        if self._is_over:
            following.end(self._error)
        else:
            self._followers.add(following)
        return following


class Following(Generic[Status]):
    """An asynchronous iterator over the statuses of a feed; it ends with the feed, or raises its error."""

    def __init__(self, first: Status | None) -> None:
        self._unread: deque[Status] = deque([] if first is None else [first], maxlen=_UNREAD_MAX)
        self._changed = asyncio.Event()
        self._is_over = False
        self._error: BaseException | None = None

    def add(self, status: Status) -> None:
        """Queue a status."""
        self._unread.append(status)
        self._changed.set()

    def end(self, error: BaseException | None) -> None:
        """Let the iterator end after what is queued."""
        self._is_over, self._error = True, error
        self._changed.set()

    def __aiter__(self) -> Following[Status]:
        return self

    async def __anext__(self) -> Status:
        while not self._unread:
            if self._is_over:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._unread.popleft()
