"""A headless bridge with a slow uplink: `python -m bench.limited_bridge URL MB_S DELAY_MS`.

The real volunteer, but that all its pipes together pass so many 10^6 bytes a second in each direction, and each message
so many milliseconds late. What waits is what the two ends have on their way, which is bounded.
"""

from __future__ import annotations

import asyncio
import sys
from typing import ClassVar

from bench.speaking import serve_until_told, tell
from freespan.bridge import pipe
from freespan.bridge.bridge import Bridge, BridgeStatus
from freespan.link.base import Link

_CAPACITY = 8


class LimitedSide(pipe.Side):
    """Passes messages on in order, at a rate."""

    bytes_a_second = 0.0
    delay = 0.0
    _free_at: ClassVar[dict[type[Link], float]] = {}
    """When each direction is free again, by the kind of link that it leads to."""

    def __init__(self, owner: pipe.Pipe, onward: Link) -> None:
        super().__init__(owner, onward)
        self._loop = asyncio.get_running_loop()
        self._way = type(onward)

    def on_message(self, message: bytes) -> None:
        """A message goes on when those before it have gone, and a delay later."""
        free_at = max(self._free_at.get(self._way, 0.0), self._loop.time()) + len(message) / self.bytes_a_second
        self._free_at[self._way] = free_at
        self._loop.call_at(free_at + self.delay, super().on_message, message)


async def main(url: str, megabytes_a_second: str, delay_ms: str) -> None:
    """Help until told to end."""
    LimitedSide.bytes_a_second = float(megabytes_a_second) * 1e6
    LimitedSide.delay = float(delay_ms) / 1e3
    pipe.Side = LimitedSide  # type: ignore[misc,assignment]
    told = False

    def tell_when_ready(status: BridgeStatus) -> None:
        nonlocal told
        if status.state == "waiting" and not told:
            told = True
            tell({"event": "ready"})

    await Bridge(url, _CAPACITY, tell_when_ready).run()


if __name__ == "__main__":
    serve_until_told(main(*sys.argv[1:4]))
