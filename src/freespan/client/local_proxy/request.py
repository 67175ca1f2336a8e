"""What the local proxy needs to know of a connection, whichever language it speaks.

A front is fed bytes until it has a `ProxyRequest`; in between it may have bytes to send back. The first byte tells
SOCKS5 (RFC 1928) from HTTP (RFC 9112): one port serves both.
"""

from __future__ import annotations

from typing import Protocol

from freespan.client.local_proxy.request_body import RequestBody
from freespan.wire.errors import FreespanError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target


class RequestError(FreespanError):
    """The program that uses the local proxy spoke nonsense; `reply` is what it gets before the connection is closed."""

    def __init__(self, reason: str, reply: bytes) -> None:
        super().__init__(reason)
        self.reply = reply


class ProxyRequest(Protocol):
    """One wish for a stream."""

    @property
    def target(self) -> Target:
        """Where the stream shall lead."""
        ...

    @property
    def first_bytes(self) -> bytes:
        """What goes to the destination first: a rewritten request head, and what came behind it."""
        ...

    @property
    def accepted(self) -> bytes:
        """What the program is told once the stream is open."""
        ...

    @property
    def body(self) -> RequestBody | None:
        """Where the only request ends that may pass; None when it is the program's business what passes."""
        ...

    def refused(self, status: ProxyStatus) -> bytes:
        """What the program is told when the stream cannot be opened."""
        ...


class RequestParser(Protocol):
    """A parser of one language."""

    def receive_data(self, data: bytes) -> ProxyRequest | None:
        """Take bytes; return the request once it is complete. Raises `RequestError`."""
        ...

    def data_to_send(self) -> bytes:
        """Bytes that the language wants sent back now, each only once."""
        ...
