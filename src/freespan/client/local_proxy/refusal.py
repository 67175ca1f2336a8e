"""What the local proxy itself answers to an HTTP request: why it is refused, for programs and for people. Pure."""

from __future__ import annotations

import msgspec

from freespan.client.local_proxy.request import RequestError
from freespan.wire.messages import Problem
from freespan.wire.proxy_status import RETRY_AFTER_SECONDS, ProxyStatus

_REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    407: "Proxy Authentication Required",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_CHALLENGE = 'Proxy-Authenticate: Basic realm="local proxy", charset="UTF-8"'


def response(status: int, code: str, detail: str, *, proxy_status: ProxyStatus | None = None) -> bytes:
    """A complete HTTP/1.1 response with a problem+json body (RFC 9457), after which the connection closes."""
    body = msgspec.json.encode(Problem(f"urn:freespan:problem:{code}", _REASONS.get(status, "Error"), status, detail))
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if status == 407:
        lines.append(_CHALLENGE)
    if proxy_status is not None:
        lines.append(f"Proxy-Status: {proxy_status.header()}")
    if status == 503:
        lines.append(f"Retry-After: {RETRY_AFTER_SECONDS}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def request_error(status: int, reason: str) -> RequestError:
    """The error for a request that nobody can serve, with the answer to it."""
    return RequestError(reason, response(status, "http_request_error", reason))
