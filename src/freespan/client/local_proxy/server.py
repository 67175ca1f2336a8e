"""The server of the local proxy: one port on loopback that serves HTTP (CONNECT, absolute-form) and SOCKS5.

Whoever is not to know of it gets a TCP reset and not one byte, which is the nearest to a closed port: programs of other
users, and pages that try ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
from collections.abc import Collection
from typing import Protocol

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.parsers import parser_for
from freespan.client.local_proxy.peers import Peers, own_users
from freespan.client.local_proxy.request import ProxyRequest, RequestError
from freespan.client.settings import ClientSettings
from freespan.tunnel.splice import Direction, TcpConnection, splice
from freespan.tunnel.stream import CHUNK_SIZE, TunnelStream
from freespan.wire.addresses import parse_address
from freespan.wire.errors import InputError, StreamError
from freespan.wire.target import Target

LOOPBACK = "127.0.0.1"

_log = logging.getLogger(__name__)


class StreamOpener(Protocol):
    """What the proxy needs of a `Client`."""

    def open_stream(
        self, target: Target, first_bytes: bytes = b""
    ) -> contextlib.AbstractAsyncContextManager[TunnelStream]:
        """See `Client.open_stream`."""
        ...


class LocalProxy:
    """`received` and `sent` count the bytes of the reader's streams; `connections` those that are open now.

    With `credentials`, programs must give them. Where the system tells whose program it is, those of `users` (numbers)
    and of root are let in; without a list, those of the user of this process.
    """

    def __init__(
        self,
        client: StreamOpener,
        settings: ClientSettings | None = None,
        *,
        credentials: Credentials | None = None,
        users: Collection[int] | None = None,
    ) -> None:
        settings = settings or ClientSettings()
        self.received = 0
        self.sent = 0
        self.connections = 0
        self._client = client
        self._credentials = credentials
        self._peers = Peers(own_users() if users is None else users)
        self._connections_max = settings.proxy_connections_max
        self._request_seconds = settings.proxy_request_seconds
        self._idle_seconds = settings.tunnel.stream_idle_seconds
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int, address: str = LOOPBACK) -> int:
        """Listen, and return the port, which the system chooses for 0.

        The address is one of 127.0.0.0/8, so that other machines cannot connect. Pages can try 127.0.0.1, but not the
        other sixteen million.

        Raises:
            InputError: field `port` or `address`; it is in use or may not be used, or is of another kind.
        """
        if not is_loopback_ipv4(address):
            raise InputError("address", "must be 127.0.0.1 or another address of 127.0.0.0/8")
        try:
            self._server = await asyncio.start_server(self._handle, address, port, limit=CHUNK_SIZE)
        except OSError as error:
            number = error.errno or errno.EADDRNOTAVAIL
            reason = os.strerror(number).lower()
            if number == errno.EADDRNOTAVAIL and address != LOOPBACK:
                raise InputError("address", f"this system has no {address}; choose 127.0.0.1") from None
            raise InputError("port", f"{port}: {reason}; choose another one") from None
        self._peers.start()
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._peers.stop()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            if not self._peers.may_use(writer.get_extra_info("socket")):
                TcpConnection(reader, writer).reset()
            elif self.connections <= self._connections_max:
                await self._serve(reader, writer)
        except RequestError as error:
            await self._refuse(reader, writer, error.reply)
        except (TimeoutError, OSError, EOFError):
            pass  # the program was too slow, or has gone
        except asyncio.CancelledError:
            pass  # stopping
        finally:
            self.connections -= 1
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._request_seconds):
            request = await self._read_request(reader, writer)
        async with contextlib.AsyncExitStack() as stack:
            try:
                opening = self._client.open_stream(request.target, request.first_bytes)
                stream = await stack.enter_async_context(opening)
            except StreamError as error:
                _log.info("a connection was not opened: %s", error.status.sentence())  # SOCKS5 has a number for it
                await self._refuse(reader, writer, request.refused(error.status))
                return
            writer.write(request.accepted)
            await self._splice(request, TcpConnection(reader, writer), stream)

    async def _read_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ProxyRequest:
        """Feed the parser until it has a request. Raises `RequestError`, or `EOFError` when the program has gone."""
        data = await _read_some(reader)
        parser = parser_for(data[0], self._credentials)
        while True:
            try:
                request = parser.receive_data(data)
            finally:
                writer.write(parser.data_to_send())  # even before an error: the bytes before it may call for a reply
            if request is not None:
                return request
            data = await _read_some(reader)

    async def _splice(self, request: ProxyRequest, connection: TcpConnection, stream: TunnelStream) -> None:
        program, target = request.splice_ends(connection, stream)
        await splice(
            upload=Direction(program, target, self._count_sent),
            download=Direction(target, connection, self._count_received),
            reset=connection.reset,
            idle_seconds=self._idle_seconds,
        )

    def _count_received(self, count: int) -> None:
        self.received += count

    def _count_sent(self, count: int) -> None:
        self.sent += count

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: bytes) -> None:
        """Send a reply and end the connection; reset it if there is none."""
        if not reply:
            TcpConnection(reader, writer).reset()
            return
        try:
            writer.write(reply)
            async with asyncio.timeout(self._request_seconds):
                await writer.drain()
                writer.write_eof()
        except (OSError, TimeoutError):
            pass  # the program has gone


def is_loopback_ipv4(address: str) -> bool:
    """Whether a text is an address of 127.0.0.0/8 to listen on."""
    parsed = parse_address(address)
    return isinstance(parsed, ipaddress.IPv4Address) and parsed.is_loopback


async def _read_some(reader: asyncio.StreamReader) -> bytes:
    data = await reader.read(CHUNK_SIZE)
    if not data:
        raise EOFError
    return data
