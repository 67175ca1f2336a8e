"""A headless bridge with a limited uplink: `python -m bench.limited_bridge URL MB_S DELAY_MS`.

It is the real bridge, but all its pipes together pass MB_S times 10^6 bytes a second in each direction, and delay each
message by DELAY_MS milliseconds. The congestion windows of the two ends bound what waits here.
"""

from __future__ import annotations

import asyncio
import sys
from typing import ClassVar

from bench.helper_io import emit, run_helper
from freespan.bridge import pipe
from freespan.bridge.bridge import Bridge, BridgeStatus
from freespan.link.base import Link

_CAPACITY = 8


class LimitedSide(pipe.Side):
    """Passes messages on in order, at a limited rate and with a delay."""

    bytes_a_second = 0.0
    delay = 0.0
    _free_at: ClassVar[dict[type[Link], float]] = {}
    """When each direction is free again, by the class of the link that it leads to."""

    def __init__(self, owner: pipe.Pipe, onward: Link) -> None:
        super().__init__(owner, onward)
        self._loop = asyncio.get_running_loop()
        self._direction = type(onward)

    def on_message(self, message: bytes) -> None:
        """Pass a message on after those before it, and after the delay."""
        free_at = max(self._free_at.get(self._direction, 0.0), self._loop.time()) + len(message) / self.bytes_a_second
        self._free_at[self._direction] = free_at
        self._loop.call_at(free_at + self.delay, super().on_message, message)


async def main(url: str, megabytes_a_second: str, delay_ms: str) -> None:
    """Run the bridge until it is stopped."""
    LimitedSide.bytes_a_second = float(megabytes_a_second) * 1e6
    LimitedSide.delay = float(delay_ms) / 1e3
    pipe.Side = LimitedSide  # type: ignore[misc,assignment]
    is_ready = False

    def on_status(status: BridgeStatus) -> None:
        nonlocal is_ready
        if status.state == "waiting" and not is_ready:
            is_ready = True
            emit({"event": "ready"})

    await Bridge(url, _CAPACITY, on_status).run()


if __name__ == "__main__":
    run_helper(main(*sys.argv[1:4]))
