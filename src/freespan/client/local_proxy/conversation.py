"""The interface between the server and a protocol: what a program says from its first byte on is a *conversation*.

A conversation gets a `Program` and a `ProxyContext`, asks for as many streams as it needs, and returns when it is over;
the server closes the connection then. `tunnels.py` has the conversation of one request that becomes a tunnel, as in
SOCKS.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.settings import ClientSettings
from freespan.tunnel.splice import TcpConnection
from freespan.tunnel.stream import CHUNK_SIZE, TunnelStream
from freespan.wire.target import Target


class StreamOpener(Protocol):
    """What the proxy needs of a `Client`."""

    def open_stream(
        self, target: Target, first_bytes: bytes = b""
    ) -> contextlib.AbstractAsyncContextManager[TunnelStream]:
        """See `Client.open_stream`."""
        ...


@dataclass(frozen=True)
class ProxyContext:
    """What all conversations of a local proxy share. `count_received` and `count_sent` count bytes of streams."""

    client: StreamOpener
    settings: ClientSettings
    credentials: Credentials | None
    count_received: Callable[[int], None]
    count_sent: Callable[[int], None]


class Program:
    """The connection of a program."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self.connection = TcpConnection(reader, writer)
        self._reader = reader
        self._writer = writer
        self._patience = patience

    async def read(self) -> bytes:
        """The next bytes. Raises `EOFError` when the program has gone, or `OSError`."""
        data = await self._reader.read(CHUNK_SIZE)
        if not data:
            raise EOFError
        return data

    @property
    def has_hung_up(self) -> bool:
        """Whether it will send nothing more, and all that it has sent was read: it waits for no stream then."""
        return self._reader.at_eof() or self._writer.is_closing()

    def send(self, data: bytes) -> None:
        """Queue a few bytes."""
        self._writer.write(data)

    async def refuse(self, reply: bytes) -> None:
        """Send a reply and end the connection; reset it if there is none."""
        if not reply:
            self.connection.reset()
            return
        try:
            self._writer.write(reply)
            async with asyncio.timeout(self._patience):
                await self._writer.drain()
                self._writer.write_eof()
        except (OSError, TimeoutError):
            pass  # the program has gone


class Conversation(Protocol):
    """All that one connection of a program carries."""

    async def run(self, first: bytes) -> None:
        """Begin with the bytes that have come, and return when it is over.

        Raises:
            RequestError: the program said something that is none of the protocol.
            TimeoutError, OSError, EOFError: the program was too slow, or has gone.
        """
        ...
