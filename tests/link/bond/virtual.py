"""An event loop whose clock jumps: what takes minutes is over at once, and is the same every time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Instead of waiting it moves the clock."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen any more")
        # a turn takes a moment, or a timer that is due a rounding error from now would come for ever
        self.loop.now += max(1e-9, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 1,000."""

    def __init__(self) -> None:
        self.now = 1_000.0
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a clock that begins anew."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
