"""Parses the HTTP/1.1 requests that a proxy gets (RFC 9112 section 3.2): CONNECT, and absolute-form requests.

Any other request comes from a page that tries whether there is a proxy at this port: browsers ask servers in
origin-form. It gets no answer but a reset, as if the port were closed; so does what is no HTTP at all.

An absolute-form request is forwarded in origin-form with `Connection: close`: one request for each connection. After
the end of its body (`request_body.py`) nothing more goes to the target, and the head of the response
(`response_head.py`) tells the program so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.exchange import RequestReader, ResponseStream
from freespan.client.local_proxy.request import PROXY_HEAD_MAX, RequestError, SplicedStream
from freespan.client.local_proxy.request_body import BodyError, RequestBody, body_of
from freespan.tunnel.splice import ByteSource
from freespan.wire.errors import InputError
from freespan.wire.messages import Problem
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_target

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_METHOD_MAX = 32
_START = re.compile(rb"CONNECT |[!#$%%&'*+\-.^_`|~0-9A-Za-z]{0,%d}(?: ?\Z| [A-Za-z])" % _METHOD_MAX)
"""How the first bytes of a request to a proxy look, however few have come."""
_TO_A_PROXY = re.compile(rb"CONNECT |[!-~]+ [A-Za-z][A-Za-z0-9+.\-]*://")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_URI = re.compile(rb"[!-~]+")
_FIELD_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_NOT_HTTP = "this is neither an HTTP/1.1 request nor SOCKS5"
_NOT_TO_A_PROXY = "this is no request to a proxy"
_REASONS = {400: "Bad Request", 403: "Forbidden", 431: "Request Header Fields Too Large", 501: "Not Implemented"}
_REASONS |= {
    407: "Proxy Authentication Required",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_CHALLENGE = 'Proxy-Authenticate: Basic realm="local proxy", charset="UTF-8"'
_HOP_BY_HOP = {b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"te", b"upgrade"}
"""Fields for this proxy and not for the target (RFC 9110 section 7.6.1)."""
_FRAMING = {b"content-length", b"transfer-encoding"}
"""Fields that say where the body ends; they are for the target, whatever `Connection` claims."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A CONNECT, or an absolute-form request that is forwarded as `first_bytes`; `body` is None for a CONNECT."""

    target: Target
    first_bytes: bytes
    accepted: bytes
    body: RequestBody | None = field(default=None, compare=False)
    is_part_of_a_page: bool = False
    """Whether a page asks for it, and not its reader: an image, say, or what a script fetches."""

    def refused(self, status: ProxyStatus) -> bytes:
        """A complete response that names the error in `Proxy-Status` and in words.

        A page gets none, because it would see an answer where without a proxy it sees that a connection failed.
        """
        if self.is_part_of_a_page:
            return b""
        return response(status.http_status, status.error, status.sentence(), proxy_status=status)

    def splice_ends(self, program: ByteSource, stream: SplicedStream) -> tuple[ByteSource, SplicedStream]:
        """See `ProxyRequest`: anything may pass after a CONNECT, else only the request and its response."""
        if self.body is None:
            return program, stream
        return RequestReader(program, self.body), ResponseStream(stream, self.refused)


class HttpParser:
    """Parses one request head. With `credentials`, it must have them."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._buffer = bytearray()

    def data_to_send(self) -> bytes:
        """Nothing: HTTP has no reply before the request is complete."""
        return b""

    def receive_data(self, data: bytes) -> HttpRequest | None:
        """Take bytes; return the request once its head is complete. Raises `RequestError`."""
        seen = max(0, len(self._buffer) - 3)
        self._buffer += data
        if not _START.match(self._buffer):
            raise RequestError(_NOT_TO_A_PROXY, b"")
        end = _HEAD_END.search(self._buffer, seen)
        if end is None or end.end() > PROXY_HEAD_MAX:
            if len(self._buffer) > PROXY_HEAD_MAX:
                _check_form(self._buffer)
                raise _error(431, f"the request head is longer than {PROXY_HEAD_MAX} bytes")
            return None
        head, rest = bytes(self._buffer[: end.start()]), bytes(self._buffer[end.end() :])
        _check_form(head)
        return _parse(head, rest, self._credentials)


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
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _check_form(head: bytes | bytearray) -> None:
    """Raise a `RequestError` without a reply unless this is CONNECT, or a request in absolute-form."""
    if not _TO_A_PROXY.match(head):
        raise RequestError(_NOT_TO_A_PROXY, b"")


def _parse(head: bytes, rest: bytes, credentials: Credentials | None) -> HttpRequest:
    request_line, *header_lines = re.split(rb"\r?\n", head)
    parts = request_line.split(b" ")
    if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]) or not re.fullmatch(rb"HTTP/1\.[01]", parts[2]):
        raise _error(400, _NOT_HTTP)
    if credentials is not None:
        _check_credentials(header_lines, credentials)
    method, uri, version = parts
    if not _URI.fullmatch(uri):
        raise _error(400, "the target has characters that are not allowed in a URL")
    try:
        if method == b"CONNECT":
            return HttpRequest(parse_target(uri.decode()), rest, b"HTTP/1.1 200 Connection established\r\n\r\n")
        target, authority, path = _split_absolute(uri.decode())
    except InputError as error:
        raise _error(400, f"the {error}") from None
    all_headers = _headers(header_lines)
    try:
        body = body_of(version, ((name, line.partition(b":")[2]) for name, line in all_headers))
        rest = body.take(rest)
    except BodyError as error:
        raise _error(error.status, str(error)) from None
    # RFC 9112 section 3.2.2: the target's host replaces whatever the header said
    request_line = f"{method.decode()} {path} {version.decode()}".encode()
    lines = [request_line, b"Host: " + authority.encode(), *_forwarded(all_headers), b"Connection: close"]
    first_bytes = b"\r\n".join(lines) + b"\r\n\r\n" + rest
    return HttpRequest(target, first_bytes, b"", body, is_part_of_a_page=_is_part_of_a_page(all_headers))


def _check_credentials(header_lines: list[bytes], credentials: Credentials) -> None:
    given = [line.partition(b":")[2] for name, line in _headers(header_lines) if name == b"proxy-authorization"]
    if len(given) != 1 or not credentials.are_in(given[0]):
        raise _error(407, "the local proxy wants the user name and the password that its client was given")


def _is_part_of_a_page(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a browser asks for something else than what a reader opens.

    Fetch metadata would say so, but browsers send it to secure origins only. So it is a browser that does not ask to be
    led to a secure page, which all do for pages, and which no script can add where it may read no answer.
    """
    names = {name for name, _ in headers}
    is_browser = any(name == b"user-agent" and b"Mozilla/" in line for name, line in headers)
    return is_browser and b"upgrade-insecure-requests" not in names


def _split_absolute(uri: str) -> tuple[Target, str, str]:
    """Target, authority without user and password, and path with query."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise InputError("target", "is not a URL") from None
    if parts.scheme == "https":
        raise InputError("target", "is https: use CONNECT, so that only the site can read it")
    if parts.scheme != "http" or not parts.netloc:
        raise InputError("target", "must be a URL like http://host/path")
    authority = parts.netloc.rpartition("@")[2]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parse_target(authority, default_port=80), authority, path


def _headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Each line with its field name in lower case."""
    headers: list[tuple[bytes, bytes]] = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise _error(400, "a header line is malformed")
        headers.append((name.lower(), line))
    return headers


def _forwarded(headers: list[tuple[bytes, bytes]]) -> list[bytes]:
    dropped = _HOP_BY_HOP | {b"host"}
    for name, line in headers:
        if name == b"connection":
            dropped |= {token.strip().lower() for token in line.partition(b":")[2].split(b",")}
    dropped -= _FRAMING
    return [line for name, line in headers if name not in dropped]


def _error(status: int, reason: str) -> RequestError:
    return RequestError(reason, response(status, "http_request_error", reason))
