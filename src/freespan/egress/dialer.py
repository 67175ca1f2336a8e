"""Opens TCP connections to targets: resolves the name, asks the policy, dials only the addresses that it allows."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable, Mapping

from aiohappyeyeballs import AddrInfoType, start_connection

from freespan.egress.own_addresses import is_own
from freespan.egress.policy import Policy
from freespan.egress.resolver import Requester, Resolver
from freespan.egress.settings import EgressSettings
from freespan.observe.garbage import release_transport
from freespan.tunnel.stream import CHUNK_SIZE
from freespan.wire.addresses import Address
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

_ATTEMPT_DELAY_SECONDS = 0.25  # RFC 8305 section 5
_ADDRESSES_MAX = 8
_UNROUTABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}

Narrow = Callable[[Mapping[Address, Address]], list[Address]]
"""Gets addresses, each with the one that it stands for, and returns those that may be dialed."""


class Dialer:
    """Dials for all sessions of an egress. `names` answers some names without DNS (for tests, demos and labs)."""

    def __init__(
        self, policy: Policy, names: Mapping[str, Address] | None = None, settings: EgressSettings | None = None
    ) -> None:
        self.policy = policy
        """May be replaced at any time."""
        self._names = dict(names or {})
        settings = settings or EgressSettings()
        self._dial_seconds = settings.dial_seconds
        self._resolver = Resolver(settings)

    async def dial(
        self, target: Target, requester: Requester = None, narrow: Narrow | None = None, *, is_invited: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection (Happy Eyeballs, RFC 8305) for `requester`, whose slow names delay no other requester.

        `narrow` chooses among the addresses that the policy allows; it may raise `StreamError`, too. Where many names
        are being resolved, a requester who `is_invited` goes first.

        Raises:
            StreamError: the connection could not be opened; its status is an error of RFC 9209.
        """
        refusal = self.policy.check_target(target)
        if refusal is not None:
            raise StreamError(refusal)
        allowed = self._allowed(await self._resolve(target.host, requester, is_invited=is_invited))
        if narrow is not None:
            allowed = narrow({address: self.policy.forms_of(address)[-1] for address in allowed})
        connection = await self._connect(allowed, target.port)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return await _opened(connection)

    def close(self) -> None:
        """Stop the threads of the resolver."""
        self._resolver.close()

    def _allowed(self, addresses: list[Address]) -> list[Address]:
        """Those that may be dialed. Raises `StreamError` if there are none, with the refusal of the first."""
        refusals = {address: self._refusal(address) for address in addresses}
        allowed = [address for address, refusal in refusals.items() if refusal is None]
        if not allowed:
            raise StreamError(next(filter(None, refusals.values()), ProxyStatus("dns_error")))
        return allowed

    def _refusal(self, address: Address) -> ProxyStatus | None:
        refusal = self.policy.check_address(address)
        if refusal is not None or self.policy.is_trusted(address):
            return refusal
        # what listens on this machine's public addresses may be meant for its own network alone
        is_ours = any(map(is_own, self.policy.forms_of(address)))
        return ProxyStatus("destination_ip_prohibited", "own") if is_ours else None

    async def _resolve(self, host: str, requester: Requester, *, is_invited: bool) -> list[Address]:
        if host in self._names:
            return [self._names[host]]
        try:
            return [ipaddress.ip_address(host)]
        except ValueError:
            pass
        addresses = await self._resolver.resolve(host, requester, is_invited=is_invited)
        return list(dict.fromkeys(addresses))[:_ADDRESSES_MAX]

    async def _connect(self, addresses: list[Address], port: int) -> socket.socket:
        infos = [_address_info(address, port) for address in addresses]
        try:
            async with asyncio.timeout(self._dial_seconds):
                return await start_connection(infos, happy_eyeballs_delay=_ATTEMPT_DELAY_SECONDS, interleave=1)
        except TimeoutError:
            raise StreamError(ProxyStatus("connection_timeout")) from None
        except OSError as error:
            raise StreamError(ProxyStatus(_error_of(error))) from None


class _TargetProtocol(asyncio.StreamReaderProtocol):
    """That of `asyncio.open_connection`, but it leaves nothing of a connection that has ended to the collector."""

    def __init__(self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(reader, loop=loop)
        self._opened: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._opened = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        super().connection_lost(exc)
        release_transport(self._opened)
        self._opened = None


async def _opened(connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=CHUNK_SIZE, loop=loop)
    protocol = _TargetProtocol(reader, loop)
    transport, _ = await loop.create_connection(lambda: protocol, sock=connection)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _address_info(address: Address, port: int) -> AddrInfoType:
    if isinstance(address, ipaddress.IPv6Address):
        return (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (str(address), port))


def _error_of(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError) or error.errno == errno.ECONNREFUSED:
        return "connection_refused"
    if error.errno in _UNROUTABLE:
        return "destination_ip_unroutable"
    if error.errno == errno.ETIMEDOUT:
        return "connection_timeout"
    return "connection_terminated"
