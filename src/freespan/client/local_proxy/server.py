"""The local proxy: one port on 127.0.0.1 that speaks HTTP (CONNECT, absolute-form) and SOCKS5."""

from __future__ import annotations

import asyncio
import errno
import os

from freespan.client.client import Client
from freespan.client.local_proxy.exchange import RequestReader, ResponseStream
from freespan.client.local_proxy.parsers import parser_for
from freespan.client.local_proxy.request import ProxyRequest, RequestError
from freespan.tunnel.splice import ByteSource, Direction, TcpConnection, splice
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import InputError, StreamError
from freespan.wire.limits import (
    DIAL_SECONDS,
    PROXY_CONNECTIONS_MAX,
    PROXY_HEAD_SECONDS,
    RESOLVE_SECONDS,
    SPLICE_CHUNK,
)
from freespan.wire.proxy_status import ProxyStatus

_CONNECT_SECONDS = RESOLVE_SECONDS + DIAL_SECONDS + 5.0
"""The egress' own limits, and time for the way there."""


class LocalProxy:
    """`received` and `sent` count the bytes of the reader's streams; `connections` those open now."""

    def __init__(self, client: Client) -> None:
        self.received = 0
        self.sent = 0
        self.connections = 0
        self._client = client
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> int:
        """Listen on 127.0.0.1 (nobody else may use it); returns the port, chosen by the system for 0.

        Raises:
            InputError: field `port`; it is in use or may not be used.
        """
        try:
            self._server = await asyncio.start_server(self._handle, "127.0.0.1", port, limit=SPLICE_CHUNK)
        except OSError as error:
            reason = os.strerror(error.errno or errno.EADDRNOTAVAIL).lower()
            raise InputError("port", f"{port}: {reason}; choose another one") from None
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            if self.connections <= PROXY_CONNECTIONS_MAX:
                await self._serve(reader, writer)
        except (RequestError, TimeoutError, OSError, EOFError) as error:
            if isinstance(error, RequestError):
                await _say_last(writer, error.reply)
        except asyncio.CancelledError:
            pass  # stopping
        finally:
            self.connections -= 1
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(PROXY_HEAD_SECONDS):
            request = await _read_request(reader, writer)
        try:
            session = await self._client.session()
            async with asyncio.timeout(_CONNECT_SECONDS):
                stream = await session.connect(request.target, request.first_bytes)
        except StreamError as error:
            await _say_last(writer, request.refused(error.status))
            return
        except TimeoutError:
            await _say_last(writer, request.refused(ProxyStatus("connection_timeout")))
            return
        try:
            writer.write(request.accepted)
            connection = TcpConnection(reader, writer)
            program, site = _ends_of(request, connection, stream)
            await splice(
                upload=Direction(program, site, self._count_sent),
                download=Direction(site, connection, self._count_received),
                reset=connection.reset,
            )
        finally:
            session.release(stream)

    def _count_received(self, count: int) -> None:
        self.received += count

    def _count_sent(self, count: int) -> None:
        self.sent += count


def _ends_of(
    request: ProxyRequest, connection: TcpConnection, stream: TunnelStream
) -> tuple[ByteSource, TunnelStream | ResponseStream]:
    """What is spliced: the connection and the stream as they are, or one exchange of HTTP between them."""
    if request.body is None:
        return connection, stream
    return RequestReader(connection, request.body), ResponseStream(stream, request.refused)


async def _read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ProxyRequest:
    """Feed the parser until it has a request. Raises `RequestError`, or `EOFError` when the program went away."""
    data = await reader.read(SPLICE_CHUNK)
    if not data:
        raise EOFError
    parser = parser_for(data[0])
    while True:
        try:
            request = parser.receive_data(data)
        finally:
            writer.write(parser.data_to_send())  # a program may have sent all at once: each part has its answer
        if request is not None:
            return request
        data = await reader.read(SPLICE_CHUNK)
        if not data:
            raise EOFError


async def _say_last(writer: asyncio.StreamWriter, reply: bytes) -> None:
    """The last words on a connection."""
    try:
        writer.write(reply)
        async with asyncio.timeout(PROXY_HEAD_SECONDS):
            await writer.drain()
            writer.write_eof()
    except (OSError, TimeoutError):
        pass  # the program has gone
