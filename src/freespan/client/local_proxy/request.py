"""The interface between a conversation of one request (`tunnels.py`) and the parser of its protocol. Pure.

A parser is fed bytes until it has a `ProxyRequest`; until then it may have bytes to send back. `socks4.py` and
`socks5.py` implement both classes, and the conversation knows no more of a protocol than they tell. A CONNECT of HTTP
(`http_request.py`) is a `ProxyRequest` as well.
"""

from __future__ import annotations

from typing import Protocol

from freespan.wire.errors import FreespanError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target


class RequestError(FreespanError):
    """The program sent an invalid request; `reply` is what it gets before the connection is closed.

    Without a reply, the connection is reset, as if nobody listened.
    """

    def __init__(self, reason: str, reply: bytes) -> None:
        super().__init__(reason)
        self.reply = reply


class ProxyRequest(Protocol):
    """A program's request for a stream."""

    @property
    def target(self) -> Target:
        """Where the stream leads."""
        ...

    @property
    def first_bytes(self) -> bytes:
        """What goes to the target first: what has come after the request."""
        ...

    @property
    def accepted(self) -> bytes:
        """The reply to the program once the stream is open."""
        ...

    def refused(self, status: ProxyStatus) -> bytes:
        """The reply to the program when the stream cannot be opened; nothing if the connection is to be reset."""
        ...


class RequestParser(Protocol):
    """A parser of one protocol: bytes go in; a request and bytes to send come out."""

    def receive_data(self, data: bytes) -> ProxyRequest | None:
        """Take bytes; return the request once it is complete. Raises `RequestError`."""
        ...

    def data_to_send(self) -> bytes:
        """Bytes that the protocol requires to be sent back now; each is returned only once."""
        ...
