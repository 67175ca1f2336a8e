"""Reads the heads of the HTTP/1.1 requests that a proxy gets (RFC 9112 section 3.2): CONNECT, and absolute-form. Pure.

Any other request comes from a page that tries whether there is a proxy at this port: browsers ask servers in
origin-form. It gets no answer but a reset, as if the port were closed; so does what is no HTTP at all.

An absolute-form request gets a new head for its target, in origin-form. What the program has given stays as it is, but
for what concerns this proxy alone, and for bytes that no URL may have, which are percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.refusal import request_error, response
from freespan.client.local_proxy.repair import BLANKS_MAX, FIELDS_MAX, HEAD_END, HEAD_MAX, TOKEN
from freespan.client.local_proxy.request import RequestError
from freespan.wire.errors import InputError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_target

_METHOD_MAX = 32
_START = re.compile(rb"CONNECT |[!#$%%&'*+\-.^_`|~0-9A-Za-z]{0,%d}(?: ?\Z| [A-Za-z])" % _METHOD_MAX)
"""How the first bytes of a request to a proxy look, however few have come."""
_TO_A_PROXY = re.compile(rb"CONNECT |[!-~]+ [A-Za-z][A-Za-z0-9+.\-]*://")
_VERSION = re.compile(rb"HTTP/1\.([0-9])")
_URI = re.compile(rb"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_PLAIN_AUTHORITY = re.compile(rb"[0-9A-Za-z._:\[\]-]+")
_PLAIN_PATH = re.compile(rb"[!-~]+")
_NEVER_IN_A_URI = re.compile(rb"[\x00\t\v\f\r]")
_SEEN = bytes(range(0x21, 0x7F))
"""What may stand in a URL as it is; other bytes are percent-encoded."""
_NEVER_IN_A_VALUE = re.compile(rb"[\x00\r]")
_PLAIN_BLANKS = bytes.maketrans(b"\v\f", b"  ")
"""What the library does not take in a value, because some take it for a blank."""
_NOT_HTTP = "this is neither an HTTP/1.1 request nor SOCKS5"
_NOT_TO_A_PROXY = "this is no request to a proxy"
_HOP_BY_HOP = {
    *(b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"proxy-authenticate"),
    *(b"te", b"upgrade"),
}
"""Fields for this proxy and not for the target (RFC 9110 section 7.6.1)."""
_FRAMING = {b"content-length", b"transfer-encoding"}
"""Fields that say where the body ends; they are for the target, whatever `Connection` claims."""
_SAFE = {b"GET", b"HEAD", b"OPTIONS", b"TRACE"}
"""Methods that change nothing (RFC 9110 section 9.2.1)."""
_LENGTH = re.compile(rb"[0-9]{1,18}")
_INSTEAD = {
    b"https": "is https: use CONNECT, so that only the site can read it",
    b"wss": "is wss: use CONNECT, so that only the site can read it",
    b"ws": "is ws: use CONNECT, or ask for http:// with Upgrade: websocket",
}
"""What to do about schemes that this proxy does not ask for itself."""

_Fields = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """A CONNECT, and what came behind it."""

    target: Target
    first_bytes: bytes
    accepted: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"

    def refused(self, status: ProxyStatus) -> bytes:
        """See `ProxyRequest`."""
        return refusal_of(status)


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """An absolute-form request: its new head, and what came behind it. `is_safe` is said of its method."""

    target: Target
    head: bytes
    rest: bytes
    is_safe: bool = False
    is_part_of_a_page: bool = False
    """Whether a page asks for it, and not its reader: an image, say, or what a script fetches."""

    def refused(self, status: ProxyStatus) -> bytes:
        """A complete response that names the error in `Proxy-Status` and in words.

        A page gets none, because it would see an answer where without a proxy it sees that a connection failed.
        """
        return b"" if self.is_part_of_a_page else refusal_of(status)


class HttpParser:
    """Parses one request head. With `credentials`, it must have them."""

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._buffer = bytearray()
        self._seen = 0
        self._blanks = 0

    def receive_data(self, data: bytes) -> ConnectRequest | ForwardedRequest | None:
        """Take bytes; return the request once its head is complete. Raises `RequestError`."""
        buffer = self._buffer
        buffer += data
        self._skip_blank_lines()
        if buffer and not _START.match(buffer):
            raise RequestError(_NOT_TO_A_PROXY, b"")
        end = HEAD_END.search(buffer, self._seen)
        self._seen = max(0, len(buffer) - 2)
        if end is None or end.end() > HEAD_MAX:
            if len(buffer) > HEAD_MAX:
                _check_form(buffer)
                raise request_error(431, f"the request head is longer than {HEAD_MAX} bytes")
            return None
        head, rest = bytes(buffer[: end.start()]), bytes(buffer[end.end() :])
        _check_form(head)
        return _parse(head, rest, self._credentials)

    def _skip_blank_lines(self) -> None:
        """Those before the request (RFC 9112 section 2.2)."""
        buffer = self._buffer
        if buffer.startswith((b"\r", b"\n")):
            blanks = len(buffer) - len(buffer.lstrip(b"\r\n"))
            self._blanks += blanks
            del buffer[:blanks]
        if self._blanks > BLANKS_MAX:
            raise RequestError(_NOT_TO_A_PROXY, b"")


def refusal_of(status: ProxyStatus) -> bytes:
    """A complete response that names the error in `Proxy-Status` and in words."""
    return response(status.http_status, status.error, status.sentence(), proxy_status=status)


def _check_form(head: bytes | bytearray) -> None:
    """Raise a `RequestError` without a reply unless this is CONNECT, or a request in absolute-form."""
    if not _TO_A_PROXY.match(head):
        raise RequestError(_NOT_TO_A_PROXY, b"")


def _parse(head: bytes, rest: bytes, credentials: Credentials | None) -> ConnectRequest | ForwardedRequest:
    request_line, *lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
    method, _, uri_and_version = request_line.partition(b" ")
    uri, _, protocol = uri_and_version.rpartition(b" ")  # blanks of a URL are among what is percent-encoded
    version = _VERSION.fullmatch(protocol)
    if not TOKEN.fullmatch(method) or version is None:
        raise request_error(400, _NOT_HTTP)
    if len(lines) > FIELDS_MAX:
        raise request_error(431, f"the request has more than {FIELDS_MAX} header lines")
    fields = [_field(line) for line in lines]
    if credentials is not None:
        _check_credentials(fields, credentials)
    if _NEVER_IN_A_URI.search(uri):
        raise request_error(400, "the target has characters that are not allowed in a URL")
    try:
        if method == b"CONNECT":
            return ConnectRequest(parse_target(_text(uri)), rest)
        target, host, path = _split(method, uri.rstrip(b" "))
    except InputError as error:
        raise request_error(400, f"the {error}") from None
    is_old = version[1] == b"0"
    _check_framing(fields, is_old=is_old)
    new_head = [
        b"%s %s HTTP/%s" % (method, path, b"1.0" if is_old else b"1.1"),
        b"Host: " + host,
        *(b"%s: %s" % field for field in _forwarded(method, fields, is_old=is_old)),
    ]
    return ForwardedRequest(
        target,
        b"\r\n".join([*new_head, b"", b""]),
        rest,
        is_safe=method in _SAFE,
        is_part_of_a_page=_is_part_of_a_page(fields),
    )


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.fullmatch(name) or _NEVER_IN_A_VALUE.search(value):
        raise request_error(400, "a header line is malformed")
    return name, value.translate(_PLAIN_BLANKS).strip(b" \t")


def _values(fields: _Fields, wanted: bytes) -> list[bytes]:
    return [value for name, value in fields if name.lower() == wanted]


def _tokens(fields: _Fields, wanted: bytes) -> set[bytes]:
    return {token.strip(b" \t").lower() for value in _values(fields, wanted) for token in value.split(b",")}


def _check_credentials(fields: _Fields, credentials: Credentials) -> None:
    given = _values(fields, b"proxy-authorization")
    if len(given) != 1 or not credentials.are_in(given[0]):
        raise request_error(407, "the local proxy wants the user name and the password that its client was given")


def _is_part_of_a_page(fields: _Fields) -> bool:
    """Whether a browser asks for something else than what a reader opens.

    Fetch metadata would say so, but browsers send it to secure origins only. So it is a browser that does not ask to be
    led to a secure page, which all do for pages, and which no script can add where it may read no answer.
    """
    is_browser = any(b"Mozilla/" in value for value in _values(fields, b"user-agent"))
    return is_browser and not _values(fields, b"upgrade-insecure-requests")


def _split(method: bytes, uri: bytes) -> tuple[Target, bytes, bytes]:
    """Target, `Host`, and path with query: as they were given, but for bytes that no URL may have."""
    found = _URI.fullmatch(uri)
    scheme = found[1].lower() if found else b""
    if scheme in _INSTEAD:
        raise InputError("target", _INSTEAD[scheme])
    if found is None or scheme != b"http" or not found[2]:
        raise InputError("target", "must be a URL like http://host/path")
    authority = found[2].rpartition(b"@")[2]
    target = parse_target(_text(authority), default_port=80)
    host = authority if _PLAIN_AUTHORITY.fullmatch(authority) else _in_ascii(target, authority)
    path, query = found[3], found[4] or b""
    if method == b"OPTIONS" and not path and not query:
        return target, host, b"*"  # RFC 9112 section 3.2.4
    whole = (path or b"/") + query
    return target, host, whole if _PLAIN_PATH.fullmatch(whole) else quote_from_bytes(whole, safe=_SEEN).encode()


def _in_ascii(target: Target, authority: bytes) -> bytes:
    """`Host` for a name of letters outside ASCII, or with percent signs, as DNS has it."""
    return (str(target) if authority.rpartition(b":")[2].isdigit() else target.host).encode()


def _text(uri: bytes) -> str:
    try:
        return uri.decode()
    except UnicodeDecodeError:
        raise InputError("target", "has a host that is not a valid name") from None


def _check_framing(fields: _Fields, *, is_old: bool) -> None:
    """Refuse a request if not everybody would agree on where its body ends."""
    lengths = _values(fields, b"content-length")
    codings = [value.lower() for value in _values(fields, b"transfer-encoding")]
    if codings and (lengths or is_old):
        raise request_error(400, "the request says in two ways where its body ends")
    if codings and codings != [b"chunked"]:
        raise request_error(501, "chunked is the only transfer coding that is supported")
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise request_error(400, "the content length is malformed")


def _forwarded(method: bytes, fields: _Fields, *, is_old: bool) -> Iterable[tuple[bytes, bytes]]:
    """The fields for the target.

    What the program says of its connection holds for the one to the target as well: so a site is told the same as
    without a proxy. That an old program keeps its connection is for itself alone (RFC 9112 appendix C.2.2).
    """
    listed = _tokens(fields, b"connection")
    tokens = listed | _tokens(fields, b"proxy-connection")
    ends = is_old or b"close" in tokens
    is_upgrade = not ends and b"upgrade" in listed and _is_websocket(method, fields)
    said = b"close" if ends else b", ".join([b"keep-alive"] * (b"keep-alive" in tokens) + [b"Upgrade"] * is_upgrade)
    dropped = (_HOP_BY_HOP | {b"host"} | listed) - _FRAMING
    if is_upgrade:
        dropped.discard(b"upgrade")
    for name, value in fields:
        if name.lower() in (b"connection", b"proxy-connection") and said:
            yield b"Connection", said
            said = b""
        elif name.lower() not in dropped:
            yield name, value
    if said:
        yield b"Connection", said


def _is_websocket(method: bytes, fields: _Fields) -> bool:
    return method == b"GET" and _tokens(fields, b"upgrade") == {b"websocket"}
