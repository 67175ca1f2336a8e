"""Gives memory back to the system that sessions have used: glibc keeps what lies between things that live on.

Without it a host that was crowded once would look crowded for ever. It has the system take whole pages back
(`malloc_trim`), in a thread, after the ledger has fallen by much.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

from freespan.observe.ledger import Ledger

_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 60.0
"""Between two times: meanwhile nobody else gets memory for up to a tenth of a second, so no stranger may ask for it."""
_FALL = 32 * 1024 * 1024
_PART = 4
"""After the ledger has fallen by so much, and by one part in so many of what it was, it is worth that time."""


class Falls:
    """Notices when a figure has fallen by much since the last time that it had."""

    def __init__(self, fall: int = _FALL) -> None:
        self._fall = fall
        self._peak = 0

    def has_fallen(self, figure: int) -> bool:
        """To be asked from time to time; true once for each fall."""
        self._peak = max(self._peak, figure)
        if self._peak - figure < max(self._fall, self._peak // _PART):
            return False
        self._peak = figure
        return True


async def give_memory_back(ledger: Ledger) -> None:
    """Look at the ledger every second, or a minute after the last time, until cancelled.

    Without glibc, the allocator is left alone.
    """
    trim = _malloc_trim()
    falls = Falls()
    while trim is not None:
        await asyncio.sleep(_LOOK_SECONDS)
        if falls.has_fallen(ledger.total):
            await asyncio.to_thread(trim)
            await asyncio.sleep(_PAUSE_SECONDS)


def _malloc_trim() -> Callable[[], object] | None:
    try:
        function = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return None
    return lambda: function(0)
