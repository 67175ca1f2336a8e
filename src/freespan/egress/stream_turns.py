"""Work for streams takes turns, like the datagrams that readers send: to open them, and to copy from their targets.

Whoever opens many streams, or downloads through many, would have each of them served in every turn of the event loop,
and everybody else would wait for all of these. So a little is done in each turn of the loop as it comes, and what is
beyond that waits for the turn of its session. A target is not read meanwhile.

A piece costs something however small it is: a byte on each of some thousand streams takes longer to copy than megabytes
on one of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from freespan.link.turns import Share
from freespan.tunnel.splice import TcpConnection
from freespan.tunnel.stream import CHUNK_SIZE

_OPENING_COST = 4 * CHUNK_SIZE
"""What it costs to open a stream and its connection, as so many copied bytes do."""
_PIECE_COST = CHUNK_SIZE // 16
"""The same for the smallest piece."""


class StreamTurns:
    """The turns of all streams of an egress; work for about `size` copied bytes goes without waiting at a time."""

    def __init__(self, size: int = 8 * CHUNK_SIZE) -> None:
        self._size = size
        self._left = size
        self._is_reset_due = False
        self._waiting = 0
        self._queues: dict[Share, deque[tuple[asyncio.Future[None], int]]] = {}

    async def open(self, share: Share) -> None:
        """Wait until one more stream may be opened."""
        await self._wait(share, _OPENING_COST)

    def may_copy(self, size: int) -> bool:
        """Whether one more piece may be copied at once; if so it is counted."""
        if self._waiting or self._left <= 0:
            return False
        self._count(max(size, _PIECE_COST))
        return True

    async def copy(self, share: Share, size: int) -> None:
        """Wait until one more piece may be copied."""
        await self._wait(share, max(size, _PIECE_COST))

    async def _wait(self, share: Share, cost: int) -> None:
        if self._waiting or self._left <= 0:
            self._waiting += 1
            try:
                await self._turn(share, cost)
            finally:
                self._waiting -= 1
        self._count(cost)

    def _turn(self, share: Share, cost: int) -> asyncio.Future[None]:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._queues.get(share)
        if queue is None:
            queue = self._queues[share] = deque()
            share.turn().add_done_callback(partial(self._serve, share))
        queue.append((turn, cost))
        return turn

    def _serve(self, share: Share, _: asyncio.Future[None]) -> None:
        """It is the turn of a session: as many of its pieces go on as cost what a long one does."""
        queue, left = self._queues[share], CHUNK_SIZE
        while queue and left > 0:
            turn, cost = queue.popleft()
            if not turn.done():  # else whoever waited was cancelled
                turn.set_result(None)
                left -= cost
        if queue:
            share.turn().add_done_callback(partial(self._serve, share))
        else:
            del self._queues[share]

    def _count(self, cost: int) -> None:
        self._left -= cost
        if not self._is_reset_due:
            self._is_reset_due = True
            asyncio.get_running_loop().call_soon(self._reset)

    def _reset(self) -> None:
        self._is_reset_due = False
        self._left = self._size


class InTurn:
    """What comes from a target, read in the turns of a session."""

    def __init__(self, source: TcpConnection, turns: StreamTurns, share: Share) -> None:
        self._source = source
        self._turns = turns
        self._share = share

    async def read(self) -> bytes:
        """See `ByteSource`."""
        data = await self._source.read()
        if data and not self._turns.may_copy(len(data)):
            with self._source.not_reading():
                await self._turns.copy(self._share, len(data))
        return data
