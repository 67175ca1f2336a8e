"""The host's STUN server: it has two UDP ports, so that an end sees whether its NAT maps both to one outside port."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

from freespan.broker.settings import StunSettings
from freespan.broker.stun import RateLimiter, binding_answer

_PORT_MAX = 65_535
_PORT_ATTEMPTS = 20
"""How often two neighbouring free ports are looked for."""
_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""The errors of a machine that resolves names to IPv6 addresses but has no IPv6."""


@contextlib.asynccontextmanager
async def serving_stun(host: str, port: int, settings: StunSettings | None = None) -> AsyncIterator[tuple[int, int]]:
    """Answer at one address of this machine, or at all of them (`""`), while the block runs; yields the two ports.

    The ports are `port` and the next one; 0 chooses two free ones. Answers leave from the address that the system
    prefers for their destination. On a machine with several addresses this may not be the one that was asked, so name
    the address there.

    Raises:
        OSError: the address or a port is not available.
    """
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in infos)
    limiter = RateLimiter(settings)
    with contextlib.ExitStack() as opened:
        ports, sockets = _two_ports(addresses, port)
        for each in sockets:
            opened.callback(each.close)
        for each in sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: _StunProtocol(limiter), sock=each)
            opened.callback(transport.close)
        yield ports


class _StunProtocol(asyncio.DatagramProtocol):
    """Answers the requests at one socket."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._clock = asyncio.get_running_loop().time
        self._transport: asyncio.DatagramTransport | None = None
        self._is_paused = False

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        answer = binding_answer(data, (addr[0], addr[1]))
        if answer is None or self._is_paused or self._transport is None:
            return
        if self._limiter.allows(addr[0], self._clock()):
            self._transport.sendto(answer, addr)

    def pause_writing(self) -> None:
        self._is_paused = True  # a late answer is useless: the client repeats its request

    def resume_writing(self) -> None:
        self._is_paused = False


def _two_ports(addresses: Iterable[tuple[int, Any]], port: int) -> tuple[tuple[int, int], list[socket.socket]]:
    """Bind `port` and the next one at each address."""
    attempts = _PORT_ATTEMPTS if port == 0 else 1
    while True:
        attempts -= 1
        with contextlib.ExitStack() as bound:
            try:
                first = _bind(addresses, port, bound)
                number: int = first[0].getsockname()[1]
                both = [*first, *_bind(addresses, number + 1, bound)]
            except OSError as error:
                if error.errno != errno.EADDRINUSE or not attempts:
                    raise
            else:
                bound.pop_all()
                return (number, number + 1), both


def _bind(addresses: Iterable[tuple[int, Any]], port: int, bound: contextlib.ExitStack) -> list[socket.socket]:
    if port > _PORT_MAX:
        raise OSError(errno.EADDRINUSE, "there is no such port")
    sockets: list[socket.socket] = []
    missing = OSError(errno.EADDRNOTAVAIL, "not an address of this machine")
    for family, address in addresses:
        try:
            here = bound.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            here.setblocking(False)
            if family == socket.AF_INET6:
                here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
            here.bind((address[0], port, *address[2:]))
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            missing = error
        else:
            sockets.append(here)
            port = here.getsockname()[1]  # the other addresses take the same port
    if not sockets:
        raise missing
    return sockets
