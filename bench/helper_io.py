"""Input and output of the bench's helper processes: they print events as JSON, read lines, and end on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Any


def emit(event: dict[str, object]) -> None:
    """Print one event."""
    print(json.dumps(event), flush=True)


async def next_line() -> str:
    """Return the next line of standard input; empty at its end."""
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


def run_helper(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end, or until SIGTERM or SIGINT."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        pass
