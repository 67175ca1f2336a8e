"""Time limits that stand still while the session has no link: a site cannot answer what it has not been asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Patience:
    """The limits of the requests that are under way. They run until `pause`, and again from `resume`."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Timeout, float] = {}
        """Each limit, and the seconds that it had left when it was paused."""
        self._is_paused = False

    @contextlib.asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[None]:
        """Raises `TimeoutError` when the block takes longer than this, without the time of pauses."""
        async with asyncio.timeout(None if self._is_paused else seconds) as timeout:
            self._running[timeout] = seconds
            try:
                yield
            finally:
                del self._running[timeout]

    def pause(self) -> None:
        """Let no time pass."""
        if self._is_paused:
            return
        self._is_paused = True
        now = asyncio.get_running_loop().time()
        for timeout in self._running:
            until = timeout.when()
            if until is not None and not timeout.expired():
                self._running[timeout] = max(until - now, 0.0)
                timeout.reschedule(None)

    def resume(self) -> None:
        """Let time pass again."""
        if not self._is_paused:
            return
        self._is_paused = False
        now = asyncio.get_running_loop().time()
        for timeout, left in self._running.items():
            if not timeout.expired():
                timeout.reschedule(now + left)
