"""Bounds the connections to a host, from the moment in which the system hands one over.

When there are too many, the newest of the source with the most is cut. So connections count that say nothing, or never
end their TLS handshake. Behind a web server that names its clients, a connection counts as that of the client whose
request it has carried last.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from freespan.link.turns import Turns
from freespan.observe.ledger import Ledger
from freespan.sources.greediest import greediest
from freespan.sources.rate import Rate, RateBudgets
from freespan.sources.requests import SourceReader
from freespan.sources.shares import Places, Shares
from freespan.sources.source import Source


@dataclass(frozen=True)
class ConnectionLimits:
    """What may be held, and how often something may be done. Times are in seconds, sizes in bytes.

    Attributes:
        most: connections at a time; another one cuts the newest of the source with the most.
        each: connections that an address may have without being greedy; a network has four times as many. One place
            in eight is kept for such sources.
        opened: new connections of one address; those beyond are cut at once.
        opened_of_network: new connections of a network.
        requests: requests of one address; those beyond wait.
        requests_of_network: requests of a network.
        patience: how long a request waits for its turn; the connection of one that would wait longer is cut.
        unsent: what all clients together have not read of their responses; those of the greediest source are cut.
        unfinished: bytes of request heads whose end has not come; the connections of the greediest source are cut. A
            byte of a head can take five of memory.
        tls_handshake: for a TLS handshake, which gets as long as the first request head after it.
        tls_shutdown: for the end of TLS.
    """

    most: int = 10_000
    each: int = 64
    opened: Rate = field(default=Rate(per_second=200.0, burst=2_000))
    opened_of_network: Rate = field(default=Rate(per_second=800.0, burst=8_000))
    requests: Rate = field(default=Rate(per_second=500.0, burst=2_000))
    requests_of_network: Rate = field(default=Rate(per_second=4_000.0, burst=16_000))
    patience: float = 10.0
    unsent: int = 64 * 1024 * 1024
    unfinished: int = 16 * 1024 * 1024
    tls_handshake: float = 10.0
    tls_shutdown: float = 5.0


_NETWORK_HOSTS = 4
"""A network has as many places and turns as this many hosts."""
PLAIN_COST = 16_000
"""About how many bytes of memory a connection takes that has sent a request."""
TLS_COST = 110_000
"""The same with TLS."""


class Connections:
    """All connections to the ports of one host."""

    def __init__(
        self,
        sources: SourceReader,
        limits: ConnectionLimits = ConnectionLimits(),
        ledger: Ledger | None = None,
        turns: Turns | None = None,
    ) -> None:
        self.limits = limits
        self._turns = turns
        self._account = Ledger().account() if ledger is None else ledger.account()
        self._cost = PLAIN_COST
        self._sources = sources
        self._loop = asyncio.get_running_loop()
        self._shares: Shares[web.RequestHandler] = Shares(
            limits.most, newcomers=limits.most // 8, places=Places(limits.each, _NETWORK_HOSTS * limits.each)
        )
        self._transports: dict[web.RequestHandler, asyncio.Transport] = {}
        self._source: dict[web.RequestHandler, Source | None] = {}
        self.looks_at_sockets = False
        """Whether those that may not be open have been closed before anything was made for them."""
        self.accepted = 0
        """How many there have been, those that were cut at once included."""
        self._heads: dict[web.RequestHandler, int] = {}
        self._unfinished = 0
        self._opened = RateBudgets(limits.opened, limits.opened_of_network)
        self._requests = RateBudgets(limits.requests, limits.requests_of_network)

    def __len__(self) -> int:
        return len(self._shares)

    def expect_tls(self) -> None:
        """Count each connection as one with TLS, which takes more memory."""
        self._cost = TLS_COST

    async def cut_all(self) -> None:
        """Cut every connection: the host stops."""
        for transport in list(self._transports.values()):
            transport.abort()
        await asyncio.sleep(0)  # each says so in the next turn

    async def wait_for_turn(self, request: web.Request) -> bool:
        """Wait until the source of a request may have another one; false if its connection has been cut instead."""
        source = self._sources.source_of_any(request)
        self._belongs_to(request.protocol, source)
        wait = self._requests.reserve(source, self._loop.time(), self.limits.patience)
        if wait is None:
            self._cut(request.protocol)
            return False
        if wait > 0:
            await asyncio.sleep(wait)
        return True

    def cut_those_that_do_not_read(self, unsent: dict[web.RequestHandler, int]) -> None:
        """Cut connections until the bytes that wait on these are within the bound, those of the greediest source first.

        Of what waits on connections with a request under way, such as links, somebody else takes care.
        """
        self._cut_greediest(unsent, self.limits.unsent)

    def note_head(self, handler: web.RequestHandler, size: int) -> None:
        """A connection keeps so many bytes of a request head whose end has not come."""
        self._forget_head(handler)
        if size and handler in self._transports:
            self._heads[handler] = size
            self._unfinished += size
        if self._unfinished > self.limits.unfinished:
            # some more at once, since each time looks at all of them
            self._cut_greediest(self._heads, self.limits.unfinished * 7 // 8)

    def _cut_greediest(self, held: dict[web.RequestHandler, int], most: int) -> None:
        """Cut connections until the others hold at most so many bytes, those of the greediest source first."""
        for handler in greediest(held, most, lambda each: self._source.get(each) or each):
            self._cut(handler)
            self._forget_head(handler)

    def _forget_head(self, handler: web.RequestHandler) -> None:
        self._unfinished -= self._heads.pop(handler, 0)

    async def wait_for_tls(self, handler: web.RequestHandler) -> None:
        """Wait until it is the turn of a connection's source to have a TLS handshake, which takes a millisecond."""
        if self._turns is None:
            return
        source = self._source.get(handler)
        group = self._turns.group(source.network, _NETWORK_HOSTS).group(source.host) if source else self._turns
        await group.share().turn()

    # --- for what was accepted -----------------------------------------------------------------
    def source_of(self, transport: asyncio.Transport) -> Source | None:
        """Where a new connection comes from."""
        return self.source_of_peer(transport.get_extra_info("peername"))

    def source_of_peer(self, peer: object) -> Source | None:
        """The same, from the address of its other end."""
        return self._sources.source_of_connection(peer[0] if isinstance(peer, tuple) else "")

    def may_open(self, source: Source | None) -> bool:
        """Whether the source may open one more connection now; if so it is counted."""
        self.accepted += 1
        return self._opened.take(source, self._loop.time())

    def hold(self, handler: web.RequestHandler, transport: asyncio.Transport, source: Source | None) -> bool:
        """Count a connection until `release`; false if it was cut at once."""
        self._transports[handler] = transport
        self._account.report(len(self._transports) * self._cost)
        self._belongs_to(handler, source)
        return not transport.is_closing()

    def release(self, handler: web.RequestHandler) -> None:
        """A connection has ended."""
        self._shares.discard(handler)
        self._transports.pop(handler, None)
        self._source.pop(handler, None)
        self._forget_head(handler)
        self._account.report(len(self._transports) * self._cost)

    def _belongs_to(self, handler: web.RequestHandler, source: Source | None) -> None:
        if handler not in self._transports or (handler in self._shares and self._source.get(handler) == source):
            return
        self._source[handler] = source
        greedy = self._shares.add(handler, source)
        if greedy is not None:
            self._cut(greedy)

    def _cut(self, handler: web.RequestHandler) -> None:
        transport = self._transports.get(handler)
        if transport is not None:
            transport.abort()
