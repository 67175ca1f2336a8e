"""The HTTP responses of the broker: JSON that any origin may read, and problems (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aiohttp import web

from freespan.wire.messages import Countries, Problem, RendezvousAnswer, TurnCredentials, encode

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
"""The broker's answers hold no secret of the page that asks, so any page may ask, as any program may."""


RETRY_AFTER_MAX = 60
"""Clients obey no more than this, in whole seconds."""


class ProblemError(Exception):
    """The request is answered with a problem.

    Args:
        status: of HTTP.
        code: the last part of the problem's type, such as `no_bridge`.
        detail: one line for a person.
        field: the field of the request that is wrong.
        after: seconds after which to ask again, where they are known.
    """

    def __init__(
        self, status: int, code: str, detail: str, field: str | None = None, after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(f"urn:freespan:problem:{code}", code.replace("_", " "), status, detail, field)
        self.after = after


def too_many_requests(after: float | None = None) -> ProblemError:
    """The problem for a source that has asked too often, or holds too much."""
    return ProblemError(429, "too_many_requests", "too many requests have come from your network", after=after)


def too_many_offers(after: float) -> ProblemError:
    """The problem for an offer whose addresses too many offers have named, whoever sent those."""
    return ProblemError(429, "too_many_requests", "too many offers have named these addresses", after=after)


def json_response(message: Countries | RendezvousAnswer | TurnCredentials, headers: Mapping[str, str]) -> web.Response:
    """Return a response that any origin may read."""
    return web.Response(text=encode(message), content_type="application/json", headers={**ANY_ORIGIN, **headers})


def problem_response(error: ProblemError, retry_after_seconds: int) -> web.Response:
    """Return a problem; every 429 and 503 says after how many seconds to ask again."""
    problem = error.problem
    headers = dict(ANY_ORIGIN)
    if problem.status in (429, 503):
        after = retry_after_seconds if error.after is None else max(1, math.ceil(error.after))
        headers["Retry-After"] = str(min(after, RETRY_AFTER_MAX))
    return web.Response(
        status=problem.status, text=encode(problem), content_type="application/problem+json", headers=headers
    )
