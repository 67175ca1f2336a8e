"""The WebSocket of a bridge or a probe. What it may send is counted, and what waits to be read by it is bounded."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable

import aiohttp
from aiohttp import web

from freespan.broker.message_budget import MessageBudget
from freespan.broker.settings import BrokerSettings
from freespan.wire.errors import MessageError
from freespan.wire.limits import SIGNAL_MESSAGE_MAX
from freespan.wire.messages import ToBroker, decode_to_broker

_REASON_MAX = 120
"""Bytes of the reason in a close frame (RFC 6455 section 5.5 allows 123)."""
_FRAMES_AT_ONCE = 8
"""Of one bridge, before others have their turn."""
_FRAMES = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG)
"""All others mean that the WebSocket is closed, or is being closed."""
PING_FRAME = b"\x89\x00"
"""Asks the other end for a sign of life (RFC 6455 section 5.5.2)."""


def text_frame(text: bytes) -> bytes:
    """A whole message as it is sent by a server (RFC 6455 section 5.2). It is shorter than 65,536 bytes."""
    size = len(text)
    head = struct.pack("!BB", 0x81, size) if size < 126 else struct.pack("!BBH", 0x81, 126, size)
    return head + text


class BridgeSocket:
    """Made by `accept_bridge`."""

    __slots__ = ("_budget", "_frames", "_loop", "_settings", "_socket", "_transport", "is_heard")

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport, settings: BrokerSettings) -> None:
        self._socket = socket
        self._transport = transport
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._budget = MessageBudget(settings, self._loop.time())
        self._frames = 0
        self.is_heard = True
        """Whether anything has come since this was last set to false."""

    @property
    def is_dead(self) -> bool:
        """Whether nothing can reach the other end any more."""
        return self._socket.closed or self._transport.is_closing()

    def next_frame(self, seconds: float | None = None) -> Awaitable[aiohttp.WSMessage]:
        """What comes next, for `understand`. Without `seconds`, others bound the wait. Raises `TimeoutError`."""
        return self._socket.receive(timeout=seconds)  # one coroutine less for each bridge that waits

    async def understand(self, frame: aiohttp.WSMessage) -> ToBroker | None:
        """Return the message in a frame, if there is any.

        Raises:
            EOFError: the WebSocket is closed.
            MessageError: the message is not in the protocol, or there were too many.
            ConnectionError: the other end is gone, or does not read.
        """
        self.is_heard = True
        self._frames += 1
        if not self._frames % _FRAMES_AT_ONCE:
            await asyncio.sleep(0)  # aiohttp does not yield as long as frames are queued
        if frame.type not in _FRAMES:
            raise EOFError
        self.charge(1)
        match frame.type:
            case aiohttp.WSMsgType.TEXT:
                return decode_to_broker(frame.data)
            case aiohttp.WSMsgType.BINARY:
                raise MessageError("message", "must be text")
            case aiohttp.WSMsgType.PING:
                self._check_before_sending()
                await self._socket.pong(frame.data)
        return None

    async def receive(self, seconds: float) -> ToBroker:
        """Return the next message; raises what `next_frame` and `understand` raise."""
        async with asyncio.timeout(seconds):
            while (message := await self.understand(await self.next_frame())) is None:
                pass
            return message

    def send(self, frames: bytes) -> None:
        """Send whole frames, as `text_frame` makes them. aiohttp would need two coroutines for each.

        Raises:
            ConnectionError: the other end is gone, or does not read.
        """
        self._check_before_sending()
        self._transport.write(frames)

    def charge(self, messages: float) -> None:
        """Count messages of the other end. Raises `MessageError` when it has sent too many."""
        if not self._budget.take(messages, self._loop.time()):
            raise MessageError("messages", "were too many")

    def allow(self, messages: float) -> None:
        """Let the other end send some messages more."""
        self._budget.allow(messages)

    async def close(self, code: int = aiohttp.WSCloseCode.OK, reason: str = "") -> None:
        """Close the WebSocket. The other end has a moment to read what it was sent, and to do the same."""
        try:
            async with asyncio.timeout(self._settings.close_seconds):
                await self._socket.close(code=code, message=reason.encode()[:_REASON_MAX])
        except TimeoutError:
            self.abort()
        if self._transport.get_write_buffer_size():
            self.abort()  # nobody would ever read it

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _check_before_sending(self) -> None:
        if self.is_dead:
            raise ConnectionResetError("the connection is closed")
        if self._transport.get_write_buffer_size() > self._settings.unread_max:
            self.abort()
            raise ConnectionResetError("the other end does not read")


async def accept_bridge(request: web.Request, settings: BrokerSettings) -> tuple[web.WebSocketResponse, BridgeSocket]:
    """Open the WebSocket that a request asks for. Raises `ConnectionError` if the connection is gone."""
    response = web.WebSocketResponse(
        timeout=settings.close_seconds, autoping=False, max_msg_size=SIGNAL_MESSAGE_MAX + 1, compress=False
    )
    await response.prepare(request)
    if request.transport is None:
        raise ConnectionResetError("the connection is closed")
    return response, BridgeSocket(response, request.transport, settings)
