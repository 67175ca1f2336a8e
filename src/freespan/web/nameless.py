"""Answers over HTTP that do not tell which library makes them, whatever the request was.

aiohttp names itself and Python in the `Server` header of every answer, and explains what is wrong with a malformed
request in words of its own. Signals and middlewares do not see those: no route was found for them yet.
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

from freespan.web.ordinary import plain_page

_LEFT_OUT = (hdrs.SERVER, hdrs.DATE)
_UNKNOWN_METHOD = re.compile(r"Invalid method.*b'[A-Z]+ /", re.DOTALL)
"""aiohttp's words for a request that would be well-formed if it had another method."""
_LONG_PATH = re.compile(r"Got more than [0-9]+ bytes when reading: (?:bytearray\()?b'(?:[A-Z]+ )?/")
"""And for a path that is too long; of a header that is, they show the value."""


def nameless(server: web.Server) -> Callable[[], web.RequestHandler]:
    """Make a factory of protocols, as `loop.create_server` takes it, out of `AppRunner.server`."""
    loop = asyncio.get_running_loop()
    make_request = server.request_factory

    def make_nameless(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return make_request(message, payload, protocol, _Writer(protocol, loop), task)

    server.request_factory = make_nameless
    return lambda: _Connection(server, loop=loop, access_log=None)  # type: ignore[arg-type]  # as AppRunner does


class _Writer(StreamWriter):
    """Leaves the `Server` header out and puts the date first, as most servers do."""

    async def write_headers(self, status_line: str, headers: Any) -> None:
        """Write the head. The version is ours, also where the client's is older (RFC 9110 section 2.5)."""
        # every other server spells it so
        names = {hdrs.ETAG: "ETag"}
        rest = [(names.get(name, name), value) for name, value in headers.items() if name not in _LEFT_OUT]
        date = headers[hdrs.DATE]
        headers.clear()
        headers.extend([(hdrs.DATE, date), *rest])
        await super().write_headers(status_line.replace("HTTP/1.0", "HTTP/1.1", 1), headers)


class _Connection(web.RequestHandler):
    """Says nothing of its own of what cannot be served."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what failed outside the application."""
        super().handle_error(request, status, exc, message)  # it logs, and raises where an answer is under way
        if status == HTTPStatus.BAD_REQUEST and _UNKNOWN_METHOD.match(message or ""):
            status = HTTPStatus.METHOD_NOT_ALLOWED
        if status == HTTPStatus.BAD_REQUEST and _LONG_PATH.match(message or ""):
            status = HTTPStatus.REQUEST_URI_TOO_LONG
        response = plain_page(status)
        response.headers[hdrs.CONNECTION] = "close"
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; errors that no middleware has seen, as that to an odd `Expect`, become plain ones."""
        if isinstance(resp, web.HTTPException) and resp.status >= 400:
            resp = plain_page(resp.status)
        return await super().finish_response(request, resp, start_time)
