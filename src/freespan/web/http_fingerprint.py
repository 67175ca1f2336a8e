"""HTTP answers that do not identify the library that makes them, whatever the request was.

aiohttp names itself and Python in the `Server` header of every answer, and explains malformed requests in texts of its
own. Signals and middlewares do not see those answers, because no route has been found for them yet.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage, StreamWriter
from aiohttp.streams import StreamReader

from freespan.observe.garbage import release_protocol, release_transport
from freespan.observe.out_of_memory import check_memory
from freespan.web.bounded_heads import LONG_HEAD, PIECE_MAX, BoundedParser
from freespan.web.decoy_site import error_page

NoteHead = Callable[["QuietConnection", int], None]
"""Told how many bytes a connection keeps of a head whose end has not come."""
MakeConnection = Callable[[web.Server, asyncio.AbstractEventLoop], "QuietConnection"]
_LEFT_OUT = (hdrs.SERVER, hdrs.DATE)
_UNKNOWN_METHOD = re.compile(r"Invalid method.*b'[A-Z]+ /", re.DOTALL)
"""The error of aiohttp for a request that would be well-formed with another method."""
_LONG_PATH = re.compile(r"Got more than [0-9]+ bytes when reading: (?:bytearray\()?b'(?:[A-Z]+ )?/")
"""The error for a path that is too long; that for a header that is too long shows the header's value."""


def without_fingerprint(server: web.Server, make_connection: MakeConnection) -> Callable[[], web.RequestHandler]:
    """Turn `AppRunner.server` into a factory of protocols for `loop.create_server`; `make_connection` makes each."""
    loop = asyncio.get_running_loop()
    make_request = server.request_factory

    def make_quiet_request(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        writer.__class__ = _Writer  # aiohttp keeps this one in any case; a second one would cost 600 bytes
        return make_request(message, payload, protocol, writer, task)

    server.request_factory = make_quiet_request
    return lambda: make_connection(server, loop)


class _Writer(StreamWriter):
    """Omits the `Server` header and puts the date first, as most servers do."""

    async def write_headers(self, status_line: str, headers: Any) -> None:
        """Write the head, with the server's HTTP version even where the client's is older (RFC 9110 section 2.5)."""
        # the spelling of every other server
        names = {hdrs.ETAG: "ETag"}
        rest = [(names.get(name, name), value) for name, value in headers.items() if name not in _LEFT_OUT]
        date = headers[hdrs.DATE]
        headers.clear()
        headers.extend([(hdrs.DATE, date), *rest])
        await super().write_headers(status_line.replace("HTTP/1.0", "HTTP/1.1", 1), headers)


class QuietConnection(web.RequestHandler):
    """Answers what cannot be served with the error pages of the decoy site.

    Bodies of requests stay as they came: no client of a host compresses any, and sixty kilobytes can be decompressed to
    sixty megabytes.
    """

    __slots__ = ("_note_head", "head_began")

    def __init__(
        self, server: web.Server, loop: asyncio.AbstractEventLoop, note_head: NoteHead = lambda connection, size: None
    ) -> None:
        super().__init__(server, loop=loop, access_log=None, auto_decompress=False)  # type: ignore[arg-type]
        self.head_began: float | None = None
        """When the head began whose end has not come; None if there is no such head."""
        self._note_head = note_head
        self._parser = BoundedParser(self._parser, self._keep_head)  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Parse what has come, a little at a time while it is HTTP: see `PIECE_MAX`."""
        start = 0
        while len(data) - start > PIECE_MAX and self._payload_parser is None and not self._upgraded:
            super().data_received(data[start : start + PIECE_MAX])
            start += PIECE_MAX
        super().data_received(data[start:] if start else data)

    def _keep_head(self, size: int) -> None:
        if size == 0:
            self.head_began = None
        elif self.head_began is None:
            self.head_began = self._loop.time()
        self._note_head(self, size)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection has ended: leave nothing of it to the collector."""
        transport = self.transport
        super().connection_lost(exc)
        release_protocol(self)
        release_transport(transport)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed requests, and failures outside the application."""
        check_memory(exc)
        super().handle_error(request, status, exc, message)  # logs it, and raises if an answer has been started
        if status == HTTPStatus.BAD_REQUEST and _UNKNOWN_METHOD.match(message or ""):
            status = HTTPStatus.METHOD_NOT_ALLOWED
        if status == HTTPStatus.BAD_REQUEST and _LONG_PATH.match(message or ""):
            status = HTTPStatus.REQUEST_URI_TOO_LONG
        if status == HTTPStatus.BAD_REQUEST and LONG_HEAD in (message or ""):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        response = error_page(status)
        response.headers[hdrs.CONNECTION] = "close"
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. Errors that no middleware sees, such as that for an unknown `Expect`, get an error page."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = error_page(resp.status)
        return await super().finish_response(request, resp, start_time)
