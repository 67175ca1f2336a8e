"""Back-pressure for the writers of streams: they wait while too much of what they wrote is unsent."""

from __future__ import annotations

import asyncio

from freespan.tunnel.quic import LinkQuic


class DrainWaiters:
    """Writers that wait until at most half of `unsent_max` bytes of their stream are unsent."""

    def __init__(self, unsent_max: int) -> None:
        self.unsent_max = unsent_max
        self._waiting: dict[int, asyncio.Future[None]] = {}

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
        for stream_id in [one for one in self._waiting if quic.unsent(one) <= self.unsent_max // 2]:
            self.wake(stream_id)
