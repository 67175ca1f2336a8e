"""Runs `freespan` and watches its event loop: `python -m bench.flood.watched_host CORE ARGUMENTS…`.

Twice a second it prints how long the loop was held in that time, in milliseconds of this thread's CPU time, so that
other programs do not count: by one callback, by all callbacks between two looks at the sockets, and by the garbage
collector, which runs inside of them.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import inspect
import json
import os
import selectors
import sys
import threading
import time
from collections import defaultdict
from typing import Any

_EVERY_SECONDS = 0.5
_LONG_SECONDS = 0.0002
"""Shorter callbacks have no names here."""
_EXACT = {"byte_step": 1, "seconds": 0.5}
"""Let the metrics say what the host holds, as of now."""


class Watch:
    """Measures the thread that made it."""

    def __init__(self) -> None:
        self._forget()
        self._turn_since = time.thread_time()
        self._collecting_since = 0.0
        self._in_turn: dict[str, float] = defaultdict(float)

    def _forget(self) -> None:
        self.block = self.turn = self.collector = 0.0
        self.where = self.turn_where = ""

    def install(self) -> None:
        """Put it around asyncio's callbacks, the selector, and the collector."""
        run, select = asyncio.Handle._run, selectors.EpollSelector.select
        thread, clock = threading.get_ident(), time.thread_time

        def watched_run(handle: asyncio.Handle) -> None:
            start = clock()
            run(handle)
            took = clock() - start
            if took > _LONG_SECONDS:
                name = _name_of(handle)
                self._in_turn[name] += took
                if took > self.block:
                    self.block, self.where = took, name

        def watched_select(selector: Any, timeout: float | None = None) -> Any:
            if threading.get_ident() != thread:
                return select(selector, timeout)
            turn = clock() - self._turn_since
            if turn > self.turn:
                self.turn, self.turn_where = turn, _text_of(self._in_turn)
            self._in_turn.clear()
            try:
                return select(selector, timeout)
            finally:
                self._turn_since = clock()

        def collecting(phase: str, _: dict[str, int]) -> None:
            if phase == "start":
                self._collecting_since = clock()
            else:
                self.collector = max(self.collector, clock() - self._collecting_since)

        asyncio.Handle._run = watched_run  # type: ignore[method-assign,assignment]
        selectors.EpollSelector.select = watched_select  # type: ignore[method-assign,assignment]
        gc.callbacks.append(collecting)

    def report(self) -> None:
        """Print what was longest since the last report, and begin anew; runs in a thread of its own."""
        while True:
            time.sleep(_EVERY_SECONDS)
            event = {
                "event": "loop",
                "block_ms": round(1e3 * self.block, 2),
                "turn_ms": round(1e3 * self.turn, 2),
                "collector_ms": round(1e3 * self.collector, 2),
                "where": self.where,
                "turn_where": self.turn_where,
            }
            self._forget()
            print(json.dumps(event), flush=True)


def _text_of(seconds: dict[str, float]) -> str:
    longest = heapq.nlargest(3, seconds.items(), key=lambda one: one[1])
    return ", ".join(f"{name} {1e3 * took:.0f}" for name, took in longest)


def _name_of(handle: asyncio.Handle) -> str:
    callback: Any = getattr(handle, "_callback", None)
    arguments: tuple[Any, ...] = getattr(handle, "_args", None) or ()
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return str(getattr(task.get_coro(), "__qualname__", "a task"))
    name = getattr(callback, "__qualname__", type(callback).__name__)
    inner = [one.__qualname__ for one in arguments if hasattr(one, "__qualname__")]
    return f"{name}({', '.join(inner)})" if inner else str(name)


def main(core: str, *arguments: str) -> None:
    """Pin this process, watch it, and run."""
    if hasattr(os, "sched_setaffinity") and core:
        os.sched_setaffinity(0, {int(core)})
    watch = Watch()
    watch.install()
    threading.Thread(target=watch.report, name="watch", daemon=True).start()
    from freespan.cli.main import main as freespan
    from freespan.observe.coarse import CoarseSettings

    inspect.unwrap(CoarseSettings.__init__).__kwdefaults__.update(_EXACT)
    sys.argv = ["freespan", *arguments]
    freespan()


if __name__ == "__main__":
    main(*sys.argv[1:])
