"""The interface between the server and a protocol: what a program says from its first byte on is a *conversation*.

A conversation gets a `Program` and a `ProxyContext`, asks for as many streams as it needs, and returns when it is over;
the server closes the connection then. `tunnels.py` has the conversation of one request that becomes a tunnel, as in
SOCKS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.kept_streams import KeptStreams
from freespan.client.settings import ClientSettings
from freespan.tunnel.splice import TcpConnection
from freespan.tunnel.stream import CHUNK_SIZE
from freespan.wire.target import Target

_LINGER_SECONDS = 2.0
"""How long a program may go on sending after the end of what it was told."""


class StreamOpener(Protocol):
    """What the proxy needs of a `Client`."""

    async def lend_stream(self, target: Target, first_bytes: bytes = b"") -> LentStream:
        """See `Client.lend_stream`."""
        ...


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
    def has_gone(self) -> bool:
        """Whether its connection was cut."""
        return self._writer.is_closing()

    @property
    def has_hung_up(self) -> bool:
        """Whether it will send nothing more, and all that it has sent was read: it waits for no stream then."""
        return self._reader.at_eof() or self._writer.is_closing()

    def send(self, data: bytes) -> None:
        """Queue a few bytes."""
        self._writer.write(data)

    async def refuse(self, reply: bytes) -> None:
        """Send a reply and end the connection; reset it if there is none."""
        if reply:
            self._writer.write(reply)
            await self.finish()
        else:
            self.connection.reset()

    async def finish(self) -> None:
        """End the connection when everything was sent.

        What the program still sends is dropped, for a while: its system may drop what it has not read when the
        connection is closed before (RFC 9112 section 9.6).
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._writer.drain()
                self._writer.write_eof()
            async with asyncio.timeout(_LINGER_SECONDS):
                while await self._reader.read(CHUNK_SIZE):
                    pass
        except (OSError, TimeoutError):
            pass  # the program has gone

    def close(self) -> None:
        """Close when everything was sent."""
        self._writer.close()


@dataclass(frozen=True)
class ProxyContext:
    """What all conversations of a local proxy share. `count_received` and `count_sent` count bytes of streams.

    Programs in `resting` have kept their connection and ask for nothing; the first has rested for longest.
    """

    client: StreamOpener
    settings: ClientSettings
    credentials: Credentials | None
    kept: KeptStreams
    count_received: Callable[[int], None]
    count_sent: Callable[[int], None]
    resting: dict[Program, None] = field(default_factory=dict)


class Conversation(Protocol):
    """All that one connection of a program carries."""

    async def run(self, first: bytes) -> None:
        """Begin with the bytes that have come, and return when it is over.

        Raises:
            RequestError: the program said something that is none of the protocol.
            TimeoutError, OSError, EOFError: the program was too slow, or has gone.
        """
        ...
