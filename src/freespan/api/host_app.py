"""The HTTP application of a host: its routes under its own path, and the decoy site everywhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

from freespan.observe.out_of_memory import check_memory
from freespan.web.decoy_site import DecoySite, hide_errors
from freespan.wire.limits import RENDEZVOUS_BODY_MAX
from freespan.wire.messages import Problem, encode

_log = logging.getLogger(__name__)
_TRICKLE_SECONDS = 0.7
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def host_application(path: str, routes: Iterable[web.RouteDef], site: DecoySite) -> web.Application:
    """Put `routes`, `/v1/health` and `/v1/trickle` under `path`, and `site` everywhere else."""
    inside = web.Application(middlewares=[_problems])
    inside.add_routes([*routes, web.get("/v1/health", _health), web.get("/v1/trickle", _trickle)])
    app = web.Application(middlewares=[hide_errors], client_max_size=RENDEZVOUS_BODY_MAX)
    app.add_routes([web.get(path, _to_landing_page(path))])
    app.add_subapp(path, inside)
    app.add_routes(site.routes())
    return app


def _to_landing_page(path: str) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=301, headers={"Location": f"{path}/"})

    return handle


async def _health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _trickle(request: web.Request) -> web.StreamResponse:
    """Send two lines, the second a moment after the first: whoever gets both at once has a buffer on the way.

    With `?length` the answer tells its length before, for buffers that let others pass.
    """
    response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-store"})
    lines = (b"one\n", b"two\n")
    if "length" in request.query:
        response.content_length = sum(map(len, lines))
    await response.prepare(request)
    await response.write(lines[0])
    await asyncio.sleep(_TRICKLE_SECONDS)
    await response.write(lines[1])
    return response


@web.middleware
async def _problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answer every error with a problem (RFC 9457), whoever raised it."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _problem(error.status, error.reason, error.text or error.reason)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except ConnectionError:
        return _problem(400, "Bad Request", "the connection is gone")  # nobody is left to read this
    except Exception as error:
        check_memory(error)
        _log.exception("a request failed")
        return _problem(500, "Internal Server Error", "the host failed; it has noted why")


def _problem(status: int, title: str, detail: str) -> web.Response:
    code = title.lower().replace(" ", "_")
    body = encode(Problem(f"urn:freespan:problem:{code}", title, status, detail))
    return web.Response(status=status, text=body, content_type="application/problem+json")
