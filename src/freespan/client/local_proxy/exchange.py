"""Lets one HTTP request and its response pass, and nothing else, for a program that asked in absolute-form.

`RequestReader` and `ResponseStream` stand between the splice and the two things that it joins. Once the response head
has passed, they cost one call for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable

from freespan.client.local_proxy.request import SplicedStream
from freespan.client.local_proxy.request_body import BodyError, RequestBody
from freespan.client.local_proxy.response_head import ResponseHead
from freespan.tunnel.splice import ByteSource
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus


class RequestReader:
    """The program's side: the announced body, then nothing until the program has ended its direction."""

    def __init__(self, program: ByteSource, body: RequestBody) -> None:
        self._program = program
        self._body = body

    async def read(self) -> bytes:
        """See `ByteSource`. Raises `StreamError` for a body whose end is ambiguous."""
        try:
            while data := await self._program.read():
                if passed := self._body.take(data):
                    return passed
        except BodyError:
            raise StreamError(ProxyStatus("http_request_error")) from None
        return b""


class ResponseStream:
    """The target's side: a response whose head says that the connection ends with it, or a refusal in its place."""

    def __init__(self, stream: SplicedStream, refused: Callable[[ProxyStatus], bytes]) -> None:
        self._stream = stream
        self._refused = refused
        self._head = ResponseHead()
        self._is_refused = False

    async def read(self) -> bytes:
        """See `ByteSource`."""
        if self._head.is_whole:
            return await self._stream.read()
        if self._is_refused:
            return b""
        try:
            while True:
                data = await self._stream.read()
                if not data:
                    self._head.receive_end()
                if passed := self._head.receive_data(data):
                    return passed
        except StreamError as error:
            reply = self._refused(error.status)
            if not reply:
                raise
            self._is_refused = True
            self._stream.abort()
            return reply

    async def write(self, data: bytes) -> None:
        """See `ByteSink`. After a refusal it drops what the program still sends, so that the refusal arrives."""
        try:
            await self._stream.write(data)
        except StreamError:
            if not self._is_refused:
                raise

    def write_eof(self) -> None:
        """See `ByteSink`."""
        self._stream.write_eof()

    def abort(self) -> None:
        """See `SplicedStream`."""
        self._stream.abort()
