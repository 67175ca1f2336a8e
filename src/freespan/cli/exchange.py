"""One request of `freespan fetch` and its response, on a stream to the site (HTTP/1.1, by h11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import h11

from freespan.api.stream import Stream
from freespan.cli.request_fields import Fields
from freespan.client.local_proxy.repair import HEAD_END, HEAD_MAX, RepairError, is_like_a_response, repaired_response
from freespan.wire.errors import FreespanError

_CHUNK = 256 * 1024
"""Bytes that are read at a time, at most."""
_NO_HTTP = "the site's response is not valid HTTP/1.1"
_INTERIM_MAX = 20
"""More interim responses (1xx) than that are no HTTP."""


class FetchError(FreespanError):
    """The download failed; the text says where and what to do."""


class BrokenOffError(FetchError):
    """It failed before its end, and may go on from there."""

    def __init__(self, reason: str = "the download broke off before its end; try again") -> None:
        super().__init__(reason)


class Exchange:
    """A request that has been sent, and its response."""

    def __init__(self, stream: Stream, silence_seconds: float) -> None:
        self._stream = stream
        self._silence = silence_seconds
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX + 1)
        self._unread = b""

    async def ask(self, path: str, fields: Fields) -> h11.Response:
        """Send a GET and return the head of the response.

        Raises:
            FetchError: no response came, or none of HTTP/1.
            StreamError: the stream broke.
        """
        headers = [(name.encode("ascii"), value.encode("utf-8", "surrogateescape")) for name, value in fields]
        request = h11.Request(method="GET", target=path, headers=headers)
        self._stream.writer.write((self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
        await self._stream.writer.drain()
        for _ in range(_INTERIM_MAX):
            event = self._next(await self._head())
            if isinstance(event, h11.Response):
                if self._unread:
                    self._http.receive_data(self._unread)
                return event
        raise FetchError(_NO_HTTP)

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Yield the body piece by piece.

        Raises:
            BrokenOffError: it ended too early.
            FetchError: it is framed in no way of HTTP.
            StreamError: the stream broke.
        """
        while True:
            event = self._next()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._read())
            elif isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return

    def _next(self, data: bytes = b"") -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if data:  # nothing at all would stand for the end
            self._http.receive_data(data)
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            if "without sending complete message body" in str(error):
                raise BrokenOffError from None
            raise FetchError(_NO_HTTP) from None

    async def _head(self) -> bytes:
        """The next head, mended as browsers mend it; what follows it stays unread."""
        head = bytearray(self._unread)
        while not (end := HEAD_END.search(head)):
            if not is_like_a_response(head):
                raise FetchError("the site's answer is not HTTP/1.1")
            if len(head) > HEAD_MAX:
                raise FetchError("the header section of the site's response is too long")
            data = await self._read()
            if not data:
                raise FetchError("the site closed the connection without an answer; try again")
            head += data
        self._unread = bytes(head[end.end() :])
        try:
            mended = repaired_response(bytes(head[: end.end()]))
        except RepairError:
            raise FetchError(_NO_HTTP) from None
        if mended.codings:
            raise FetchError("the site compresses its response in a way that nobody asked for (Transfer-Encoding)")
        return mended.encode()

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(self._silence):
                return await self._stream.reader.read(_CHUNK)
        except TimeoutError:
            raise BrokenOffError(f"nothing came for {self._silence:.0f} s; try again") from None
