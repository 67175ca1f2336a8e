"""A link over a WebSocket (RFC 6455) of aiohttp, at either end.

There is back-pressure in both directions. The writer waits for the socket, and the reader stops reading while its owner
wants it to (`pause`), which TCP passes on to the other end.

aiohttp hands over what has arrived without letting anything else run, however many messages that are. So the reader
itself stops after each step, and goes on when it is the turn of its share.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any

import aiohttp

from freespan.link.base import (
    FORBIDDEN_SIZE,
    MESSAGE_COST,
    OVERRUN,
    TEXT,
    TOO_EARLY,
    DeliveryQueue,
    LinkOwner,
    SendQueueLimit,
)
from freespan.link.settings import WebSocketSettings
from freespan.link.turns import STEP_SECONDS, Share
from freespan.observe.garbage import release_socket
from freespan.observe.out_of_memory import check_memory
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX, PIPE_WAITING_MAX

if TYPE_CHECKING:
    from aiohttp import web  # a client, which needs no server, starts sooner without it

_log = logging.getLogger(__name__)
_READ_AHEAD = 128 * 1024
"""When so much waits for its reader, aiohttp reads no more, and about as much again waits in it undecoded."""
RECEIVE_SECONDS = 4e-6
"""About what aiohttp needs for a message, beside what its owner needs."""


_END_REASONS = {aiohttp.WSMsgType.TEXT: TEXT, aiohttp.WSMsgType.ERROR: "the connection broke"}


class WebSocketLink:
    """Wraps an open WebSocket that takes messages of `MESSAGE_MAX`; `run` must be awaited (or be a task) meanwhile.

    The WebSocket does not answer PINGs itself (`autoping=False`): aiohttp would answer all that have arrived at once.
    """

    def __init__(
        self,
        open_socket: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
        settings: WebSocketSettings | None = None,
    ) -> None:
        self._socket = open_socket
        self._settings = settings or WebSocketSettings()
        self._deliveries = DeliveryQueue(LINK_QUEUE_MAX)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._close_reason: str | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue_limit = SendQueueLimit()
        self._share: Share | None = None

    def start(self, owner: LinkOwner) -> None:
        """See `Link.start`."""
        self._deliveries.start(owner)

    @property
    def send_credit(self) -> int:
        """See `Link.send_credit`."""
        return self._queue_limit.send_credit(self._queued_bytes)

    @property
    def held(self) -> int:
        """Bytes that wait here and in aiohttp: for the socket, and for whoever reads."""
        # private, but nothing else tells; with another version these bytes are not counted
        writer, reader = getattr(self._socket, "_writer", None), getattr(self._socket, "_reader", None)
        transport = getattr(writer, "transport", None)
        unsent = transport.get_write_buffer_size() if transport is not None else 0
        unread = getattr(reader, "_size", 0)
        return self._waiting + unsent + (unread if unread < _READ_AHEAD else unread + _READ_AHEAD)

    def send(self, message: bytes) -> None:
        """See `Link.send`."""
        if self._close_reason is not None:
            return
        self._queue.append(message)
        self._queued_bytes += len(message)
        if self._waiting > PIPE_WAITING_MAX:
            self.close(OVERRUN)
        self._wake.set()

    @property
    def _waiting(self) -> int:
        """What the queue takes: the smallest messages cost much more than their bytes."""
        return self._queued_bytes + len(self._queue) * MESSAGE_COST

    def close(self, reason: str = "closed") -> None:
        """See `Link.close`."""
        if self._close_reason is None:
            self._close_reason = reason
            self._wake.set()
            self._closed.set_result(None)  # the writer may hang in a socket that nobody reads

    def pause(self) -> None:
        """Stop reading until `resume`."""
        self._may_read.clear()

    def resume(self) -> None:
        """Read on."""
        self._may_read.set()

    def share_turns(self, share: Share) -> None:
        """See `Paced.share_turns`."""
        self._share = share

    async def run(self) -> None:
        """Read and write until the socket or the link closes; then the socket is closed and `on_closed` was called."""
        reader = asyncio.create_task(self._read(), name="websocket-link-read")
        writer = asyncio.create_task(self._write(), name="websocket-link-write")
        try:
            ends: set[asyncio.Future[Any]] = {reader, writer, self._closed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._closed.done():
                await asyncio.wait({writer}, timeout=self._settings.flush_seconds)
        finally:
            for task in (reader, writer):
                task.cancel()
            outcomes = await asyncio.gather(reader, writer, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, Exception):
                    check_memory(outcome)
                    _log.error("the owner of a link failed", exc_info=outcome)
            reasons = [outcome for outcome in outcomes if isinstance(outcome, str)]
            self._close_reason = self._close_reason or (reasons[0] if reasons else "the connection was lost")
            self._deliveries.end(self._close_reason)
            await self._close_socket()
            release_socket(self._socket)

    async def _read(self) -> str:
        """Deliver messages until the socket closes, a step at a time; return the reason."""
        worked = 0.0
        while True:
            await self._may_read.wait()
            message = await self._socket.receive()
            began = perf_counter()
            kind = message.type
            if kind is aiohttp.WSMsgType.BINARY:
                if not 0 < len(message.data) <= MESSAGE_MAX:
                    return FORBIDDEN_SIZE
                if not self._deliveries.deliver(message.data):
                    return TOO_EARLY
            elif kind is aiohttp.WSMsgType.PING:
                with contextlib.suppress(ConnectionError, aiohttp.ClientError, RuntimeError):  # it closes: read why
                    await self._socket.pong(message.data)
            elif kind is not aiohttp.WSMsgType.PONG:
                return _END_REASONS.get(kind, "the other end closed the link")
            worked += perf_counter() - began + RECEIVE_SECONDS
            if worked >= STEP_SECONDS:
                worked = 0.0
                await self._wait_turn()

    async def _wait_turn(self) -> None:
        if self._share is None:
            await asyncio.sleep(0)
        else:
            await self._share.turn()

    async def _write(self) -> str:
        """Send what is queued until the link closes; return the reason."""
        while True:
            while self._queue:
                message = self._queue.popleft()
                try:
                    await self._socket.send_bytes(message)
                except (ConnectionError, aiohttp.ClientError, RuntimeError):
                    return "the connection was lost"
                self._queued_bytes -= len(message)
                if self._queue_limit.has_drained(self._queued_bytes):
                    self._deliveries.report_writable()
            if self._close_reason is not None:
                return self._close_reason
            self._wake.clear()
            await self._wake.wait()

    async def _close_socket(self) -> None:
        try:
            async with asyncio.timeout(self._settings.close_seconds):
                await self._socket.close()
        except TimeoutError:
            self._cut_socket()
        except asyncio.CancelledError:
            self._cut_socket()
            # A cancelled writer leaves aiohttp's wait for the socket cancelled too; only ours is raised again.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    def _cut_socket(self) -> None:
        """Cut the connection to an end that neither reads nor answers the closing handshake."""
        connection = self._socket.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
