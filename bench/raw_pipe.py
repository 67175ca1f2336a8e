"""The raw pipe: messages as long as the packets of a session, through the same bridge, but without a session.

The client requests a number of bytes and acknowledges what arrives. The source keeps at most IN_FLIGHT_MAX bytes in
flight, since a browser has no back-pressure of its own. There is no QUIC, no TLS but the data channel's, and no proxy.
"""

from __future__ import annotations

import asyncio
import os

from freespan.link.base import Link
from freespan.wire.limits import DATAGRAM_SIZE

IN_FLIGHT_MAX = 1024 * 1024
"""Bytes in flight at most; a browser would only queue more."""
_ACKNOWLEDGE_EVERY = 8 * DATAGRAM_SIZE
_REQUEST, _ACKNOWLEDGE = b"?", b"!"
_NUMBER_BYTES = 8


class RawSource:
    """The end at the egress: a `LinkOwner` that sends as many bytes as were requested."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._message = os.urandom(DATAGRAM_SIZE)
        self._wanted = self._sent = self._acknowledged = 0

    def on_message(self, message: bytes) -> None:
        """Handle a request or an acknowledgement."""
        number = int.from_bytes(message[1:])
        if message[:1] == _REQUEST:
            self._wanted, self._sent, self._acknowledged = number, 0, 0
        else:
            self._acknowledged = number
        self._send()

    def on_writable(self) -> None:
        """Send more."""
        self._send()

    def on_closed(self, reason: str) -> None:
        """Stop sending."""
        self._wanted = 0

    def _send(self) -> None:
        while self._sent < self._wanted and self._sent - self._acknowledged < IN_FLIGHT_MAX and self._link.send_credit:
            self._link.send(self._message)
            self._sent += len(self._message)


class RawSink:
    """The end at the client: a `LinkOwner` that counts the bytes that it has requested."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._wanted = self._received = self._acknowledged = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def receive(self, size: int) -> None:
        """Request `size` bytes and wait for all of them. Raises `ConnectionError` if the link ends before."""
        self._done = asyncio.get_running_loop().create_future()
        self._wanted, self._received, self._acknowledged = size, 0, 0
        self._send(_REQUEST, size)
        await self._done

    def on_message(self, message: bytes) -> None:
        """Count a message, and acknowledge from time to time."""
        self._received += len(message)
        if self._received - self._acknowledged >= _ACKNOWLEDGE_EVERY:
            self._acknowledged = self._received
            self._send(_ACKNOWLEDGE, self._received)
        if self._received >= self._wanted and not self._done.done():
            self._done.set_result(None)

    def on_writable(self) -> None:
        """Do nothing: acknowledgements are too small to need send credit."""

    def on_closed(self, reason: str) -> None:
        """Fail the request that is not complete."""
        if not self._done.done():
            self._done.set_exception(ConnectionError(reason))

    def _send(self, kind: bytes, number: int) -> None:
        self._link.send(kind + number.to_bytes(_NUMBER_BYTES))
