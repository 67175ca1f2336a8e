"""Bounds the heads of requests: what comes without an end is kept until the end comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.streams import StreamReader

HEAD_MAX = 16 * 1024
"""Bytes of the longest head of a request; nginx takes as many."""
PIECE_MAX = 8 * 1024
"""Bytes that are parsed at once. How many of them are kept is not known where a request ends among them."""
LONG_HEAD = "the head of the request is too long"
"""The error for one that is longer."""


class BoundedParser:
    """A parser of requests that keeps no more than `HEAD_MAX` bytes of a head whose end has not come.

    aiohttp's bounds each line and their number, which together is a megabyte. `note_head` is called with the bytes that
    are kept, whenever that has changed.
    """

    def __init__(self, parser: Any, note_head: Callable[[int], None]) -> None:
        self._parser = parser
        self._note_head = note_head
        self._kept = 0
        self._body: StreamReader | None = None
        self._body_size = 0
        """How much of the body had come with its head; later pieces are counted below it."""
        self.message_consumed = parser.message_consumed
        self.set_upgraded = parser.set_upgraded
        self.feed_eof = parser.feed_eof
        self.pause_reading = parser.pause_reading

    def feed_data(self, data: bytes) -> Any:
        """Parse what has come. Raises `BadHttpMessage` where a head is too long."""
        body = None if self._body is None or self._body.is_eof() else self._body
        found = messages, _, _ = self._parser.feed_data(data)
        size = len(data)
        if messages:
            self._body = messages[-1][1]
            self._body_size = self._body.total_bytes
            self._keep(0)
        elif body is not None:
            self._body_size += size
            if body.is_eof():
                self._keep_more(self._body_size - body.total_bytes)  # of the next head
        elif size:
            self._keep_more(size)
        return found

    def _keep_more(self, size: int) -> None:
        self._keep(self._kept + max(0, size))
        if self._kept > HEAD_MAX:
            raise BadHttpMessage(LONG_HEAD)

    def _keep(self, size: int) -> None:
        if size != self._kept:
            self._kept = size
            self._note_head(size)
