"""The host's STUN server: two UDP ports, so that a client sees whether its NAT gives it one outside port or two."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

from freespan.broker.stun import Budget, binding_answer

_PORT_MAX = 65_535
_TRIES = 20
"""To find two neighbouring ports that are free."""
_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""What a machine without IPv6 says of it, though it resolves to such addresses."""


@contextlib.asynccontextmanager
async def serving_stun(host: str, port: int) -> AsyncIterator[tuple[int, int]]:
    """Answer at an address of this machine, or at all (`""`), while the block runs; yields the two ports.

    They are `port` and the next one; 0 picks two that are free. Answers leave from the address that the system prefers
    for their destination, which on a machine with several is perhaps not the one that was asked: name it then.

    Raises:
        OSError: the address or a port cannot be had.
    """
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in infos)
    budget = Budget()
    with contextlib.ExitStack() as opened:
        ports, sockets = _two_ports(addresses, port)
        for each in sockets:
            opened.callback(each.close)
        for each in sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Answering(budget), sock=each)
            opened.callback(transport.close)
        yield ports


class _Answering(asyncio.DatagramProtocol):
    """Answers what comes in at one socket."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._clock = asyncio.get_running_loop().time
        self._transport: asyncio.DatagramTransport | None = None
        self._is_behind = False

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        answer = binding_answer(data, (addr[0], addr[1]))
        if answer is None or self._is_behind or self._transport is None:
            return
        if self._budget.allows(addr[0], self._clock()):
            self._transport.sendto(answer, addr)

    def pause_writing(self) -> None:
        self._is_behind = True  # an answer that waits is of no use: whoever asked asks again

    def resume_writing(self) -> None:
        self._is_behind = False


def _two_ports(addresses: Iterable[tuple[int, Any]], port: int) -> tuple[tuple[int, int], list[socket.socket]]:
    """Bind `port` and the next one at each address."""
    tries = _TRIES if port == 0 else 1
    while True:
        tries -= 1
        with contextlib.ExitStack() as bound:
            try:
                first = _bind(addresses, port, bound)
                number: int = first[0].getsockname()[1]
                both = [*first, *_bind(addresses, number + 1, bound)]
            except OSError as error:
                if error.errno != errno.EADDRINUSE or not tries:
                    raise
            else:
                bound.pop_all()
                return (number, number + 1), both


def _bind(addresses: Iterable[tuple[int, Any]], port: int, bound: contextlib.ExitStack) -> list[socket.socket]:
    if port > _PORT_MAX:
        raise OSError(errno.EADDRINUSE, "there is no such port")
    sockets: list[socket.socket] = []
    missing = OSError(errno.EADDRNOTAVAIL, "no address of this machine")
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
            port = here.getsockname()[1]  # the others take the same one
    if not sockets:
        raise missing
    return sockets
