"""Finds the end of the body of the one request that a connection to the local proxy carries (RFC 9112 section 6). Pure.

What a program sends after it is for whichever site its next request names, so it never goes to this target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

_LINE_MAX = 16_384
"""Longest line with a chunk size and its extensions; also the bound on all trailers together. In bytes."""
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_TRAILER_LINE = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")


class BodyError(Exception):
    """Not everybody would agree on where the body ends; `status` is 400 or 501."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class RequestBody(Protocol):
    """A body, in pieces as the program sends it."""

    def take(self, data: bytes) -> bytes:
        """The part of `data` that may be passed on now; nothing once the body has ended. Raises `BodyError`."""
        ...


def body_of(version: bytes, headers: Iterable[tuple[bytes, bytes]]) -> RequestBody:
    """The body that a request head announces; field names are in lower case. Raises `BodyError`."""
    fields = list(headers)
    lengths = [value.strip(b" \t") for name, value in fields if name == b"content-length"]
    codings = [value.strip(b" \t").lower() for name, value in fields if name == b"transfer-encoding"]
    if codings and (lengths or version != b"HTTP/1.1"):
        raise BodyError(400, "the request says in two ways where its body ends")
    if codings and codings != [b"chunked"]:
        raise BodyError(501, "chunked is the only transfer coding that is supported")
    if codings:
        return ChunkedBody()
    if len(lengths) > 1 or (lengths and not re.fullmatch(rb"[0-9]{1,18}", lengths[0])):
        raise BodyError(400, "the content length is malformed")
    return SizedBody(int(lengths[0]) if lengths else 0)


class SizedBody:
    """`length` bytes, possibly none."""

    def __init__(self, length: int) -> None:
        self._left = length

    def take(self, data: bytes) -> bytes:
        """See `RequestBody`."""
        passed = data[: self._left]
        self._left -= len(passed)
        return passed


class ChunkedBody:
    """Chunks as they came (RFC 9112 section 7.1), parsed strictly; a line is passed on once it is complete."""

    def __init__(self) -> None:
        self._line = b""
        self._chunk_left = 0
        self._trailers = 0
        self._read = self._size_line

    def take(self, data: bytes) -> bytes:
        """See `RequestBody`."""
        passed = []
        while data:
            part, data = self._read(data)
            passed.append(part)
        return b"".join(passed)

    def _size_line(self, data: bytes) -> tuple[bytes, bytes]:
        line, rest = self._whole_line(data)
        if line:
            found = _SIZE_LINE.fullmatch(line)
            if found is None:
                raise BodyError(400, "a chunk of the body is malformed")
            self._chunk_left = int(found[1], 16)
            self._read = self._chunk if self._chunk_left else self._trailer
        return line, rest

    def _chunk(self, data: bytes) -> tuple[bytes, bytes]:
        part = data[: self._chunk_left]
        self._chunk_left -= len(part)
        if not self._chunk_left:
            self._read = self._chunk_end
        return part, data[len(part) :]

    def _chunk_end(self, data: bytes) -> tuple[bytes, bytes]:
        line, rest = self._whole_line(data)
        if line not in (b"", b"\r\n"):
            raise BodyError(400, "a chunk of the body is malformed")
        if line:
            self._read = self._size_line
        return line, rest

    def _trailer(self, data: bytes) -> tuple[bytes, bytes]:
        line, rest = self._whole_line(data)
        self._trailers += len(line)
        if self._trailers > _LINE_MAX or (line and not _TRAILER_LINE.fullmatch(line)):
            raise BodyError(400, "the trailers of the body are malformed")
        if line == b"\r\n":
            self._read = _nothing
        return line, rest

    def _whole_line(self, data: bytes) -> tuple[bytes, bytes]:
        """A line with its end, or nothing yet; and what comes after it."""
        end = data.find(b"\n") + 1
        self._line += data[:end] if end else data
        if len(self._line) > _LINE_MAX:
            raise BodyError(400, "a chunk of the body is malformed")
        if not end:
            return b"", b""
        line, self._line = self._line, b""
        return line, data[end:]


def _nothing(data: bytes) -> tuple[bytes, bytes]:
    """The body has ended."""
    return b"", b""
