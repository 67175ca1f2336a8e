"""One coroutine that runs in the background of an `async with` block, and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_STOP_SECONDS = 10.0
"""For a cancelled coroutine to clean up; it has limits of its own, and this one is for a mistake in them."""


class Background:
    """Runs a coroutine once; `on_end` is called with its error, or None, when it has ended by itself."""

    def __init__(self, name: str, on_end: Callable[[BaseException | None], None]) -> None:
        self._name = name
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended."""
        return self._task is not None and not self._task.done()

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start it, and return its task."""
        self._task = asyncio.create_task(coroutine, name=self._name)
        self._task.add_done_callback(self._ended)
        return self._task

    async def wait(self) -> None:
        """Wait until it has ended; raises its error. To cancel the wait does not cancel the coroutine."""
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled():
                self._task.result()

    async def stop(self) -> None:
        """Cancel it and wait until it has cleaned up; its error is dropped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_STOP_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._on_end(None if task.cancelled() else task.exception())
