"""An event loop whose clock leaps: a second of delay takes no time, and a busy machine adds nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_TICK = 1e-9


class _Leaping(selectors.SelectSelector):
    """Waits for nothing: it moves the clock on by what it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualTime(asyncio.SelectorEventLoop):
    """For programs that wait for timers alone, not for sockets or threads."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        self._leaping.now += _TICK  # what is begun later is due later, as it would be anywhere else
        return self._leaping.now


def in_virtual_time(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run `main` to its end; within, `asyncio.get_running_loop().time()` is exact to less than a millisecond."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(main())
