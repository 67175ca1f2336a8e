"""How a program uses Python's garbage collector.

Nothing of a session, a link or a bridge that has ended waits for the collector: what refers to one another is taken
apart at its end. The collector is left with what libraries leave behind, and that dies young. What it must not do is
look through all objects of a host at once, which takes half a second where 20,000 bridges wait.

    a program starts    hardly any collection while its libraries load (`main.py`), and none looks at them later
    serve               what has survived two collections is not looked at again, as long as there is much of it
    connect, bridge     as Python does it, with few objects
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

_YOUNG = 5_000
"""New objects after which the collector looks at them: 2 ms."""
_ROUNDS = 2
"""So many of these rounds later it looks once more at those that are left: 10 ms, or 30 where many connections come."""
_NEVER = 1_000_000_000
_LOADED_SECONDS = 5.0
"""After this time the libraries of a program have been loaded."""
_LOOK_SECONDS = 600.0
_FEW_BLOCKS = 100_000
"""With so few blocks of memory beside those of the libraries, a host can afford to look at everything: 30 ms."""


class Collector:
    """The collector of a program that runs for long."""

    def __init__(self, *, is_host: bool) -> None:
        # from 3.14 on, the collector works in small steps by itself
        self._keeps_old = is_host and sys.version_info < (3, 14)
        self._own_blocks = 0

    def start(self) -> None:
        """Collect as this module says, as soon as the libraries have been loaded."""
        asyncio.get_running_loop().call_later(_LOADED_SECONDS, self._loaded)

    def _loaded(self) -> None:
        self._own_blocks = sys.getallocatedblocks()
        gc.freeze()
        if self._keeps_old:
            gc.callbacks.append(self._on_collection)
            gc.set_threshold(_YOUNG, _ROUNDS, _NEVER)
            self._look_later()
        else:
            gc.set_threshold(_YOUNG, _ROUNDS, _ROUNDS)

    def _on_collection(self, phase: str, info: dict[str, Any]) -> None:
        """Never look again at what is left of two collections. At this moment there is hardly anything else."""
        if phase == "stop" and info["generation"] == 1:
            gc.freeze()

    def _look_later(self) -> None:
        asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look_at_everything)

    def _look_at_everything(self) -> None:
        if sys.getallocatedblocks() - self._own_blocks < _FEW_BLOCKS:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        self._look_later()
