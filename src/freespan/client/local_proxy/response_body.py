"""Finds the end of the body of a response (RFC 9112 sections 6 and 7). Pure.

The library reads requests, whose senders must keep to the rules. Sites may end the lines of chunks with LF alone, and
have trailers that are none, as all browsers and curl forgive; and a body passes here without being copied.
"""

from __future__ import annotations

import re
from typing import Protocol

from freespan.client.local_proxy.repair import TOKEN

_LINE_MAX = 16_384
"""Longest line with a chunk size and its extensions; also the bound on all trailers together. In bytes."""
_PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,7})\r?\n")
_SIZE_LINE = re.compile(rb"0*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_BLANK_FOR_BAD = bytes.maketrans(b"\0\n\v\f\r", b"     ")


class BodyError(Exception):
    """What came is no body of the kind that the head has announced; `before` is the content that came before."""

    def __init__(self, before: bytes = b"") -> None:
        super().__init__()
        self.before = before


class ResponseBody(Protocol):
    """A body, in pieces as the site sends it."""

    is_complete: bool
    trailers: list[tuple[bytes, bytes]]
    excess: bytes
    """What came after its end."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes; returns the content in them. Raises `BodyError`."""
        ...


class SizedBody:
    """`length` bytes, possibly none."""

    def __init__(self, length: int) -> None:
        self.is_complete = length == 0
        self.trailers: list[tuple[bytes, bytes]] = []
        self.excess = b""
        self._left = length

    def receive(self, data: bytes) -> bytes:
        """See `ResponseBody`."""
        if len(data) > self._left:
            data, self.excess = data[: self._left], data[self._left :]
        self._left -= len(data)
        self.is_complete = self._left == 0
        return data


class EndlessBody:
    """Everything until the connection ends."""

    is_complete = False
    excess = b""

    def __init__(self) -> None:
        self.trailers: list[tuple[bytes, bytes]] = []

    def receive(self, data: bytes) -> bytes:
        """See `ResponseBody`."""
        return data


class ChunkedBody:
    """Chunks, their extensions, and trailers."""

    def __init__(self) -> None:
        self.is_complete = False
        self.trailers: list[tuple[bytes, bytes]] = []
        self.excess = b""
        self._line = b""
        self._chunk_left = 0
        self._trailer_bytes = 0
        self._is_between_chunks = True
        self._take_line = self._size_line

    def receive(self, data: bytes) -> bytes:
        """See `ResponseBody`."""
        data, self._line = self._line + data, b""
        content: list[bytes] = []
        at = 0
        try:
            while at < len(data) and not self.is_complete:
                if self._is_between_chunks:
                    at = self._whole_chunks(data, at, content)
                if self._chunk_left:
                    part = data[at : at + self._chunk_left]
                    content.append(part)
                    self._chunk_left -= len(part)
                    at += len(part)
                elif at < len(data):
                    at = self._next_line(data, at)
        except BodyError:
            raise BodyError(b"".join(content)) from None
        self.excess = data[at:]
        return b"".join(content)

    def _whole_chunks(self, data: bytes, at: int, content: list[bytes]) -> int:
        """Take the chunks that have come as a whole; returns where the next one begins. Many chunks are small."""
        while (found := _PLAIN_SIZE.match(data, at)) is not None:
            start = found.end()
            end = start + int(found[1], 16)
            behind = 2 if data[end : end + 2] == b"\r\n" else 1 if data[end : end + 1] == b"\n" else 0
            if start == end or not behind:
                break
            content.append(data[start:end])
            at = end + behind
        return at

    def _next_line(self, data: bytes, at: int) -> int:
        """Take a line, or keep the part of it that has come; returns where the next one begins."""
        end = data.find(b"\n", at, at + _LINE_MAX)
        if end < 0:
            self._line = data[at:]
            if len(self._line) >= _LINE_MAX or (self._take_line == self._chunk_end and self._line != b"\r"):
                raise BodyError
            return len(data)
        self._take_line(data[at:end].removesuffix(b"\r"))
        return end + 1

    def _size_line(self, line: bytes) -> None:
        found = _SIZE_LINE.fullmatch(line)
        if found is None:
            raise BodyError
        self._chunk_left = int(found[1], 16)
        self._is_between_chunks = False
        self._take_line = self._chunk_end if self._chunk_left else self._trailer

    def _chunk_end(self, line: bytes) -> None:
        if line:
            raise BodyError
        self._is_between_chunks = True
        self._take_line = self._size_line

    def _trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _LINE_MAX:
            raise BodyError
        if not line:
            self.is_complete = True
            return
        name, colon, value = line.partition(b":")
        if colon and TOKEN.fullmatch(name):
            self.trailers.append((name, value.translate(_BLANK_FOR_BAD).strip(b" \t")))
