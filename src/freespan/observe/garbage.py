"""Frees what asyncio and aiohttp leave to the garbage collector when a connection ends.

A transport of asyncio refers to itself, and an end of a WebSocket of aiohttp to its connection and back. Without
the collector nobody would free them. A host avoids its long passes, so it takes such circles apart as soon as a
connection has ended. These attributes are private. Where a later version has other ones, nothing breaks, and the
collector frees the objects a little later.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class HasException(Protocol):
    """A WebSocket of aiohttp, at either end."""

    def exception(self) -> BaseException | None:
        """What has gone wrong last."""


def release_transport(transport: asyncio.BaseTransport | None) -> None:
    """A connection is lost: its transport is of no use any more. Call it from `connection_lost`."""
    if getattr(transport, "_read_ready_cb", None) is not None:
        transport._read_ready_cb = None  # type: ignore[union-attr]


def release_protocol(protocol: asyncio.BaseProtocol) -> None:
    """The same for the protocol with which aiohttp serves a connection."""
    if getattr(protocol, "_data_received_cb", None) is not None:
        protocol._data_received_cb = None  # type: ignore[attr-defined]


def release_socket(socket: HasException) -> None:
    """A WebSocket has ended: its protocol, its transport, and the traceback of what has gone wrong lead back to it."""
    error = socket.exception()
    if error is not None:
        error.__traceback__ = error.__context__ = error.__cause__ = None
    protocol = getattr(getattr(socket, "_reader", None), "_protocol", None)
    if protocol is not None:
        release_protocol(protocol)
    transport = getattr(getattr(socket, "_writer", None), "transport", None)
    if transport is not None and transport.is_closing():
        release_transport(transport)
