"""Lets the connections to a host take turns by source, as the sessions at its egress do.

aiohttp parses whatever has arrived, at once: a quarter of a megabyte of the smallest frames takes fifty times as long
as one message of that size. So what a connection costs beyond an honest one is put on the account of its source. When
that has grown to a step, the connection is not read until it is the turn of its source, which gives way to everybody
who has had less. Requests wait for such a turn as well, unless few come at a time, from this source and from all:

    data ──▶ parsed ── took longer than honest bytes do ──▶ account of the source ──▶ not read ── its turn ──▶ read on

TLS costs as much for a byte in a record of its own as for a hundred in one, so it is measured and held back as well, at
its socket. It does not work on what has come while its source waits, nor when others have had enough in this turn of
the event loop.

Nobody is refused anything here, and where nobody else waits, a turn comes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakValueDictionary

from aiohttp import web

from freespan.link.turns import STEP_SECONDS, Turns
from freespan.sources.requests import SourceReader
from freespan.web.http_fingerprint import NoteHead, QuietConnection

_CALL_SECONDS = 50e-6
_BYTE_SECONDS = 5e-9
"""What reading honest data costs: something each time, and something for each byte. Links of sessions stay below it."""
_CONNECTION_SECONDS = 300e-6
"""About what it costs to accept a connection. When many come at once, they are read one after another."""
_REQUEST_SECONDS = 0.6e-3
"""About what a request costs."""
_SURCHARGE = 4.0
"""What is charged for each second that no honest connection costs: whoever causes much of it has less than others."""
READ_SIZE = 8 * 1024
"""Bytes that are read at once from a connection that has had to wait: about a step of the smallest frames."""
_NETWORK_HOSTS = 4
"""A network counts for as many shares as this many hosts."""
_AT_ONCE_SECONDS = 8 * STEP_SECONDS
"""How long a turn of the event loop may take to read TLS; what comes then waits for the turn of its source."""
_REQUESTS_AT_ONCE_SECONDS = STEP_SECONDS
"""The same for requests: those that come then wait, whatever their source. Who has a session goes first."""


class Paced(Protocol):
    """What is read from a socket, or not."""

    is_held_back: bool

    def hold_back(self) -> None:
        """Do not read on."""

    def read_on(self) -> None:
        """Read on."""


class Accounts:
    """What the connections of each source have cost beyond honest ones."""

    def __init__(self, turns: Turns, sources: SourceReader) -> None:
        self._turns = turns
        self._sources = sources
        self._by_host: WeakValueDictionary[Hashable, Account] = WeakValueDictionary()
        self._recent = Recent()

    def of_connection(self, transport: asyncio.BaseTransport) -> Account:
        """The account of the connection's source; of the connection alone where its source is not known."""
        peer = transport.get_extra_info("peername")
        source = self._sources.source_of_connection(peer[0] if isinstance(peer, tuple) else "")
        if source is None:
            return Account(self._turns, recent=self._recent)
        account = self._by_host.get(source.host)
        if account is None:
            account = self._by_host[source.host] = Account(self._turns, source.host, source.network, self._recent)
        return account


class Recent:
    """What all sources together have had in this turn of the event loop: time to read TLS, and for requests."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._requested = 0.0

    def add(self, seconds: float) -> None:
        """A connection was read for so long."""
        self._forget_later()
        self.spent += seconds

    def add_request(self) -> bool:
        """A request begins; returns whether there have been too many before it."""
        if self._requested >= _REQUESTS_AT_ONCE_SECONDS:
            return True
        self._forget_later()
        self._requested += _REQUEST_SECONDS
        return False

    def _forget_later(self) -> None:
        if not self.spent and not self._requested:
            asyncio.get_running_loop().call_soon(self._forget)

    def _forget(self) -> None:
        self.spent = self._requested = 0.0


class Account:
    """Of one source. Its connections are read on one after another, when it is their turn."""

    def __init__(
        self, turns: Turns, host: Hashable = None, network: Hashable = None, recent: Recent | None = None
    ) -> None:
        group = turns if host is None else turns.group(network, _NETWORK_HOSTS).group(host)
        self._share = group.share()
        self._recent = recent or Recent()
        self._spent = 0.0
        self._requested = 0.0
        self._waiting: list[Paced] = []  # a deque would take 600 bytes for each source
        self._has_asked = False

    @property
    def must_wait(self) -> bool:
        """Whether another connection of the source waits already, or enough was spent in this turn of the loop."""
        return bool(self._waiting) or self._recent.spent >= _AT_ONCE_SECONDS

    def spend(self, seconds: float, connection: Paced) -> None:
        """Something has taken so long; the connection, unless it is held back already, may have to wait."""
        self._spent += seconds
        if not connection.is_held_back and (self._spent >= STEP_SECONDS or self._waiting):
            self.wait(connection)

    def note(self, seconds: float) -> None:
        """A connection was read for so long, which need not be too much."""
        self._recent.add(seconds)

    def wait(self, connection: Paced) -> None:
        """Hold a connection back until it is its turn."""
        connection.hold_back()
        self._waiting.append(connection)
        self._ask()

    def _ask(self) -> None:
        if self._waiting and not self._has_asked:
            self._has_asked = True
            self._share.turn().add_done_callback(self._go_on)

    async def take_request(self) -> None:
        """A request begins; it waits for a turn if there have been others, of this source or of all."""
        self._requested += _REQUEST_SECONDS
        has_had_others = self._requested >= STEP_SECONDS
        if has_had_others:
            self._requested -= STEP_SECONDS
        if has_had_others or self._recent.add_request():
            await self._share.turn()

    def _go_on(self, _: asyncio.Future[None]) -> None:
        """It is the turn of this source: whatever was spent is charged, and one of its connections is read on."""
        self._share.charge(_SURCHARGE * self._spent)
        self._spent = 0.0
        self._has_asked = False
        self._waiting.pop(0).read_on()
        self._ask()


class PacedConnection(QuietConnection):
    """A connection that is not read while it is not the turn of its source."""

    __slots__ = ("_account", "_accounts", "is_held_back", "outer")

    def __init__(
        self, accounts: Accounts, note_head: NoteHead, server: web.Server, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(server, loop, note_head)
        self._accounts = accounts
        self._account: Account | None = None
        self.is_held_back = False
        self.outer: Paced | None = None
        """What is read and held back in place of this connection, and measures all that its data cost."""

    def secured_by(self, outer: Paced, transport: asyncio.BaseTransport) -> Account:
        """There is TLS around this connection; returns the account of both."""
        self.outer = outer
        self._account = self._accounts.of_connection(transport)
        return self._account

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        super().connection_made(transport)
        if self._account is None:
            self._account = self._accounts.of_connection(transport)
        self._account.spend(_CONNECTION_SECONDS, self.outer or self)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, and note what that has cost."""
        if self.outer is not None:
            super().data_received(data)
            return
        began = perf_counter()
        super().data_received(data)
        self._spend(perf_counter() - began, len(data))

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """The connection becomes a WebSocket, whose parser is given what has come behind the request."""
        began, size = perf_counter(), len(self._message_tail)
        super().set_parser(parser, data_received_cb)
        self._spend(perf_counter() - began, size)

    async def take_request(self) -> None:
        """A request begins; it waits for the turn of its source if there have been others."""
        if self._account is not None:
            await self._account.take_request()

    def _spend(self, seconds: float, size: int) -> None:
        spent = seconds - size * _BYTE_SECONDS - _CALL_SECONDS
        if spent > 0 and self._account is not None:
            self._account.spend(spent, self.outer or self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        self._account = None
        self.outer = None

    def hold_back(self) -> None:
        """Do not read on, whatever else may let aiohttp do so."""
        self.is_held_back = True
        self._pause_transport_reading()
        if self.transport is not None:
            # private to asyncio, which reads a quarter of a megabyte at once
            self.transport.max_size = READ_SIZE  # type: ignore[attr-defined]

    def read_on(self) -> None:
        """Read on, unless aiohttp itself wants to wait."""
        self.is_held_back = False
        if not self._reading_paused and not self._buffer_paused:
            self._resume_transport_reading()

    def _resume_transport_reading(self) -> None:
        if not self.is_held_back:
            super()._resume_transport_reading()
