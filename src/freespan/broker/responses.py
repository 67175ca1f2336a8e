"""The HTTP responses of the broker: JSON that any origin may read, and problems (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from freespan.wire.messages import Countries, Problem, RendezvousAnswer, TurnCredentials, encode

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""The broker's answers hold no secret of the page that asks, so any page may ask, as any program may."""


class ProblemError(Exception):
    """The request is answered with a problem; `code` is the last part of its type, such as `no_bridge`."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(f"urn:freespan:problem:{code}", code.replace("_", " "), status, detail, field)


def json_response(message: Countries | RendezvousAnswer | TurnCredentials, headers: Mapping[str, str]) -> web.Response:
    """Return a response that any origin may read."""
    return web.Response(text=encode(message), content_type="application/json", headers={**ANY_ORIGIN, **headers})


def problem_response(problem: Problem, retry_after_seconds: int) -> web.Response:
    """Return a problem; every 503 says after how many seconds to ask again."""
    headers = dict(ANY_ORIGIN)
    if problem.status == 503:
        headers["Retry-After"] = str(retry_after_seconds)
    return web.Response(
        status=problem.status, text=encode(problem), content_type="application/problem+json", headers=headers
    )
