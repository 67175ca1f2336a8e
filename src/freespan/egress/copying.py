"""Copying from targets takes turns, like the work that readers cause.

Whoever downloads through many streams would have each of them copied in every turn of the event loop, and everybody
else would wait for all of these. So a little is copied in each turn of the loop as it comes, and what is beyond that
waits for the turn of its session.
"""

from __future__ import annotations

import asyncio

from freespan.link.turns import Share
from freespan.tunnel.splice import ByteSource
from freespan.tunnel.stream import CHUNK_SIZE


class CopyingTurns:
    """What all sessions of an egress copy; at most `size` bytes in a turn of the event loop go without waiting."""

    def __init__(self, size: int = 8 * CHUNK_SIZE) -> None:
        self._size = size
        self._left = size
        self._is_reset_due = False
        self._waiting = 0

    async def wait(self, share: Share) -> None:
        """Wait until one more piece may be copied."""
        if self._waiting or self._left <= 0:
            self._waiting += 1
            try:
                await share.turn()
            finally:
                self._waiting -= 1
        self._left -= CHUNK_SIZE
        if not self._is_reset_due:
            self._is_reset_due = True
            asyncio.get_running_loop().call_soon(self._reset)

    def _reset(self) -> None:
        self._is_reset_due = False
        self._left = self._size


class InTurn:
    """What comes from a target, read in the turns of a session."""

    def __init__(self, source: ByteSource, turns: CopyingTurns, share: Share) -> None:
        self._source = source
        self._turns = turns
        self._share = share

    async def read(self) -> bytes:
        """See `ByteSource`."""
        data = await self._source.read()
        if len(data) >= CHUNK_SIZE // 2:
            await self._turns.wait(self._share)
        return data
