"""Back-pressure for the writers of streams: they wait while too much of what they wrote is unsent."""

from __future__ import annotations

import asyncio
import sys

from freespan.tunnel.quic import LinkQuic


class DrainWaiters:
    """Writers that wait until at most half of `unsent_max` bytes of their stream are unsent.

    All streams of a session share `together` bytes, so that where there are many, `unsent_max` is less.
    """

    def __init__(self, each: int, together: int = sys.maxsize) -> None:
        self.unsent_max = each
        self._each = each
        self._together = together
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._bound_has_grown = False

    @property
    def is_scarce(self) -> bool:
        """Whether there are so many streams that each may queue less than it might alone."""
        return self.unsent_max < self._each

    def share_out(self, streams: int) -> None:
        """There are so many streams now."""
        before, self.unsent_max = self.unsent_max, min(self._each, self._together // max(1, streams))
        if self.unsent_max > before:
            self._bound_has_grown = True

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    async def wait(self, stream_id: int) -> None:
        """Wait until the stream is woken."""
        loop = asyncio.get_running_loop()
        waiter = self._waiting.setdefault(stream_id, loop.create_future())
        await asyncio.shield(waiter)

    def wake(self, stream_id: int) -> None:
        """Let the writers of a stream go on."""
        waiter = self._waiting.pop(stream_id, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def on_sent(self, quic: LinkQuic) -> None:
        """Packets have been sent: wake the writers whose streams have drained."""
        progressed = quic.take_progressed()  # hundreds may wait for a reader at the other end
        if self._bound_has_grown:
            progressed, self._bound_has_grown = set(self._waiting), False
        for stream_id in progressed:
            if stream_id in self._waiting and quic.unsent(stream_id) <= self.unsent_max // 2:
                self.wake(stream_id)
