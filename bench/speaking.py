"""How the bench's own processes speak: lines of JSON out, lines of text in; SIGTERM ends them quietly."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Any


def tell(event: dict[str, object]) -> None:
    """Write one event."""
    print(json.dumps(event), flush=True)


async def next_line() -> str:
    """The next line that this process is sent; empty at the end."""
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


def serve_until_told(main: Coroutine[Any, Any, None]) -> None:
    """Run until done, or until SIGTERM or SIGINT comes."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        asyncio.run(main)
    except KeyboardInterrupt:
        pass
