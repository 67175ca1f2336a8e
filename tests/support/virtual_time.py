"""An event loop with a virtual clock: delays take no time, and load on the machine does not change them.

It is for code that waits for timers alone. Code that waits for a socket or a thread gets a `RuntimeError`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_TURN_SECONDS = 1e-9
"""The least by which an iteration advances the clock, so that rounding errors cannot postpone a timer for ever."""


class _VirtualSelector(selectors.SelectSelector):
    """Advances the clock instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("deadlock: nothing is left that could wake the event loop")
        self.now += max(_TURN_SECONDS, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` begins at 1,000 s."""

    def __init__(self) -> None:
        self._virtual_selector = _VirtualSelector()
        super().__init__(self._virtual_selector)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._virtual_selector.now

    def skip(self, seconds: float) -> None:
        """Advance the clock while nothing runs, as when the process is suspended."""
        self._virtual_selector.now += seconds


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run `main` to its end on a virtual clock of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
