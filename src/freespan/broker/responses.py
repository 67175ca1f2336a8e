"""The HTTP responses of the broker: sealed answers, JSON that any origin may read, and problems (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aiohttp import web

from freespan.wire.errors import NotAdmittedError
from freespan.wire.messages import Countries, Problem, encode

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
        amount: see `Problem`.
        again: see `Problem`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        field: str | None = None,
        after: float | None = None,
        amount: int = 0,
        again: str = "",
    ) -> None:
        super().__init__(detail)
        title = code.replace("_", " ")
        self.problem = Problem(f"urn:freespan:problem:{code}", title, status, detail, field, amount=amount, again=again)
        self.after = after


def too_many_requests(after: float | None = None) -> ProblemError:
    """The problem for a source that has asked too often, or holds too much."""
    return ProblemError(429, "too_many_requests", "too many requests have come from your network", after=after)


def too_many_offers(after: float) -> ProblemError:
    """The problem for an offer whose addresses too many offers have named, whoever sent those."""
    return ProblemError(429, "too_many_requests", "too many offers have named these addresses", after=after)


def not_admitted(reason: NotAdmittedError) -> ProblemError:
    """The problem for a reader whose invite is not admitted."""
    return ProblemError(403, reason.code, str(reason), amount=reason.amount, again=reason.again)


def json_response(message: Countries, headers: Mapping[str, str]) -> web.Response:
    """Return a response that any origin may read."""
    return web.Response(text=encode(message), content_type="application/json", headers={**ANY_ORIGIN, **headers})


def sealed_response(answer: bytes) -> web.Response:
    """Return a sealed answer. All of them have one status, whatever stands in them, and no cache keeps any."""
    return web.Response(
        body=answer, content_type="application/octet-stream", headers={**ANY_ORIGIN, "Cache-Control": "no-store"}
    )


def sealed_problem(error: ProblemError, retry_after_seconds: int) -> Problem:
    """The problem as it stands in a sealed answer, which has no headers of its own."""
    said = error.problem
    after = _retry_after(error, retry_after_seconds)
    return Problem(said.type, said.title, said.status, said.detail, said.field, after, said.amount, said.again)


def problem_response(error: ProblemError, retry_after_seconds: int) -> web.Response:
    """Return a problem; every 429 and 503 says after how many seconds to ask again."""
    problem = error.problem
    headers = dict(ANY_ORIGIN)
    if (after := _retry_after(error, retry_after_seconds)) is not None:
        headers["Retry-After"] = str(after)
    return web.Response(
        status=problem.status, text=encode(problem), content_type="application/problem+json", headers=headers
    )


def _retry_after(error: ProblemError, usual_seconds: int) -> int | None:
    if error.problem.status not in (429, 503):
        return None
    after = usual_seconds if error.after is None else max(1, math.ceil(error.after))
    return min(after, RETRY_AFTER_MAX)
