"""Work for streams takes turns, like the datagrams that readers send: to open them, and to copy from their targets.

Whoever opens many streams, or downloads through many, would have each of them served in every turn of the event loop,
and everybody else would wait for all of these. So a little is done in each turn of the loop as it comes, and what is
beyond that waits for the turn of its session.
"""

from __future__ import annotations

import asyncio

from freespan.link.turns import Share
from freespan.tunnel.splice import ByteSource
from freespan.tunnel.stream import CHUNK_SIZE

_OPENING_COST = 4 * CHUNK_SIZE
"""What it costs to open a stream and its connection, as so many copied bytes do."""


class StreamTurns:
    """The turns of all streams of an egress; work for about `size` copied bytes goes without waiting at a time."""

    def __init__(self, size: int = 8 * CHUNK_SIZE) -> None:
        self._size = size
        self._left = size
        self._is_reset_due = False
        self._waiting = 0

    async def open(self, share: Share) -> None:
        """Wait until one more stream may be opened."""
        await self._wait(share, _OPENING_COST)

    async def copy(self, share: Share) -> None:
        """Wait until one more piece may be copied."""
        await self._wait(share, CHUNK_SIZE)

    async def _wait(self, share: Share, cost: int) -> None:
        if self._waiting or self._left <= 0:
            self._waiting += 1
            try:
                await share.turn()
            finally:
                self._waiting -= 1
        self._left -= cost
        if not self._is_reset_due:
            self._is_reset_due = True
            asyncio.get_running_loop().call_soon(self._reset)

    def _reset(self) -> None:
        self._is_reset_due = False
        self._left = self._size


class InTurn:
    """What comes from a target, read in the turns of a session."""

    def __init__(self, source: ByteSource, turns: StreamTurns, share: Share) -> None:
        self._source = source
        self._turns = turns
        self._share = share

    async def read(self) -> bytes:
        """See `ByteSource`."""
        data = await self._source.read()
        if len(data) >= CHUNK_SIZE // 2:
            await self._turns.copy(self._share)
        return data
