"""Finds the host name that the first bytes of a connection ask for, as a censor on the path does. Pure.

It stands in plain text in two places: the server name (SNI, RFC 6066 section 3) in a TLS ClientHello (RFC 8446 section
4.1.2), and the Host header of an HTTP/1 request (RFC 9112 section 3.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from freespan.wire.errors import FreespanError

START_MAX = 20_000
"""How many bytes are read at most; a ClientHello with a post-quantum key share has about 1,800."""

_TLS_HANDSHAKE = 0x16
_CLIENT_HELLO = 0x01
_SERVER_NAME = 0
_RECORD_MAX = 16_384 + 256
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_REQUEST_LINE = re.compile(rb"[A-Z]{1,20} [\x21-\x7e]+ HTTP/1\.[01]")


class NoNameError(FreespanError):
    """The first bytes of a connection contain no name that can be read."""


@dataclass(frozen=True, slots=True)
class RequestedName:
    """A name, and where it was found."""

    name: str
    """In lower case, without the final dot."""
    source: Literal["sni", "host"]


def find_name(start: bytes) -> RequestedName | None:
    """Return the name that the connection asks for, or None while more bytes are needed.

    Raises:
        NoNameError: neither TLS nor HTTP/1, malformed, without a name, or longer than START_MAX.
    """
    if not start:
        return None
    if start[0] == _TLS_HANDSHAKE:
        found = _find_server_name(start[:START_MAX])
    elif start[:1].isupper():
        found = _find_host(start[:START_MAX])
    else:
        raise NoNameError("neither TLS nor HTTP")
    if found is None and len(start) >= START_MAX:
        raise NoNameError(f"no name in the first {START_MAX} bytes")
    return found


def _clean(raw: bytes, source: Literal["sni", "host"]) -> RequestedName:
    try:
        name = raw.decode("ascii").lower().removesuffix(".")
    except UnicodeDecodeError:
        raise NoNameError("the name is not ASCII") from None
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise NoNameError("the name is malformed")
    return RequestedName(name, source)


# --- HTTP ------------------------------------------------------------------------------------


def _find_host(start: bytes) -> RequestedName | None:
    *lines, _unfinished = start.split(b"\n")
    if not lines:
        return None
    if not _REQUEST_LINE.fullmatch(lines[0].rstrip(b"\r")):
        raise NoNameError("neither TLS nor HTTP")
    for line in lines[1:]:
        field, colon, value = line.rstrip(b"\r").partition(b":")
        if not field:
            raise NoNameError("a request without a Host header")
        if colon and field.lower() == b"host":
            return _clean(_without_port(value.strip(b" \t")), "host")
    return None


def _without_port(value: bytes) -> bytes:
    host, colon, port = value.rpartition(b":")
    return host if colon and port.isdigit() else value


# --- TLS -------------------------------------------------------------------------------------


class _Cursor:
    """Reads forward through bytes; raises NoNameError at their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise NoNameError("a TLS field is longer than the one around it")
        piece, self._at = self._data[self._at : end], end
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Read bytes that follow their length, a number of `size` bytes."""
        return self.take(self.number(size))


def _find_server_name(start: bytes) -> RequestedName | None:
    message = _handshake_bytes(start)
    if not message:
        return None
    if message[0] != _CLIENT_HELLO:
        raise NoNameError("TLS that does not begin with a ClientHello")
    if len(message) < 4:
        return None
    length = int.from_bytes(message[1:4], "big")
    if length > START_MAX:
        raise NoNameError("a ClientHello that is too long")
    if len(message) < 4 + length:
        return None
    return _name_in_hello(_Cursor(message[4 : 4 + length]))


def _handshake_bytes(start: bytes) -> bytes:
    """Join the payloads of the records so far: a ClientHello may span several, and the last one may be incomplete."""
    parts: list[bytes] = []
    at = 0
    while len(start) - at >= 5:
        length = int.from_bytes(start[at + 3 : at + 5], "big")
        if start[at] != _TLS_HANDSHAKE or start[at + 1] != 3 or not 0 < length <= _RECORD_MAX:
            raise NoNameError("a malformed TLS record")
        parts.append(start[at + 5 : at + 5 + length])
        at += 5 + length
    return b"".join(parts)


def _name_in_hello(hello: _Cursor) -> RequestedName:
    hello.take(2 + 32)  # version, random
    hello.vector(1)  # session id
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression methods
    extensions = _Cursor(hello.vector(2) if hello else b"")
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            return _name_in_extension(body)
    raise NoNameError("a ClientHello without a server name")


def _name_in_extension(body: bytes) -> RequestedName:
    names = _Cursor(_Cursor(body).vector(2))
    while names:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:  # host_name, the only kind there is
            return _clean(name, "sni")
    raise NoNameError("a ClientHello without a server name")
