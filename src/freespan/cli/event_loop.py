"""The event loop of a host, which does little in one turn: it reads a few sockets, however many are ready.

A loop calls everything that is ready before it looks at anything else. 8,000 connections to targets that get a byte at
the same moment would take it a tenth of a second, and everybody would wait.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from typing import Any

READY_MAX = 256
"""Sockets whose data is read in one turn; the kernel names the others first the next time."""


def event_loop(*, is_host: bool) -> asyncio.AbstractEventLoop:
    """A new event loop for a command."""
    if is_host and sys.platform == "linux":
        return asyncio.SelectorEventLoop(_FewAtOnce())
    return asyncio.new_event_loop()


class _FewAtOnce(selectors.EpollSelector):
    """Returns at most `READY_MAX` events."""

    def __init__(self) -> None:
        super().__init__()
        inner: Any = self  # what is wrapped is private to the standard library; a test notices a change
        inner._selector = _BoundedEpoll(inner._selector)


class _BoundedEpoll:
    """What `selectors` uses of `select.epoll`."""

    def __init__(self, epoll: Any) -> None:
        self._poll = epoll.poll
        self.register = epoll.register
        self.modify = epoll.modify
        self.unregister = epoll.unregister
        self.fileno = epoll.fileno
        self.close = epoll.close

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        """Wait for events, and return as many as are ready, if they are not too many."""
        found: list[tuple[int, int]] = self._poll(timeout, min(most, READY_MAX))
        return found
