"""The raw pipe: messages as long as a session's packets, through the same bridge, without a session.

The client asks for a number of bytes and acknowledges what comes; the source keeps at most WINDOW bytes on their way,
since a browser has no back-pressure of its own. There is no QUIC, no TLS but the data channel's, and no proxy.
"""

from __future__ import annotations

import asyncio
import os

from freespan.link.base import Link
from freespan.wire.limits import DATAGRAM_SIZE

WINDOW = 1024 * 1024
"""Bytes on their way at most; with more than this a browser only queues."""
_ACKNOWLEDGE_EVERY = 8 * DATAGRAM_SIZE
_ASK, _ACKNOWLEDGE = b"?", b"!"
_NUMBER_BYTES = 8


class RawSource:
    """The egress' end: a `LinkOwner` that sends what the client asks for."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._message = os.urandom(DATAGRAM_SIZE)
        self._wanted = self._sent = self._acknowledged = 0

    def on_message(self, message: bytes) -> None:
        """The client asks, or acknowledges."""
        number = int.from_bytes(message[1:])
        if message[:1] == _ASK:
            self._wanted, self._sent, self._acknowledged = number, 0, 0
        else:
            self._acknowledged = number
        self._send()

    def on_writable(self) -> None:
        """The link takes more."""
        self._send()

    def on_closed(self, reason: str) -> None:
        """Nobody is left to send to."""
        self._wanted = 0

    def _send(self) -> None:
        while self._sent < self._wanted and self._sent - self._acknowledged < WINDOW and self._link.send_credit:
            self._link.send(self._message)
            self._sent += len(self._message)


class RawSink:
    """The client's end: a `LinkOwner` that counts what it has asked for."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wanted = self._received = self._acknowledged = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self, size: int) -> None:
        """Ask for `size` bytes, and wait until all have come. Raises `ConnectionError` when the link ends before."""
        self._done = asyncio.get_running_loop().create_future()
        self._wanted, self._received, self._acknowledged = size, 0, 0
        self._say(_ASK, size)
        await self._done

    def on_message(self, message: bytes) -> None:
        """Count."""
        self._received += len(message)
        if self._received - self._acknowledged >= _ACKNOWLEDGE_EVERY:
            self._acknowledged = self._received
            self._say(_ACKNOWLEDGE, self._received)
        if self._received >= self._wanted and not self._done.done():
            self._done.set_result(None)

    def on_writable(self) -> None:
        """Acknowledgements are too small to need room."""

    def on_closed(self, reason: str) -> None:
        """What has not come will not come."""
        if not self._done.done():
            self._done.set_exception(ConnectionError(reason))

    def _say(self, word: bytes, number: int) -> None:
        self._link.send(word + number.to_bytes(_NUMBER_BYTES))
