"""A STUN server of two ports that answers with whatever address a test wants, as if a NAT stood between."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from aioice import stun

Address = tuple[str, int]
Mapping = Callable[[Address, int], Address | None]
"""The address that a guest gets: where it came from, and which of the two ports (0 or 1) it asked; None is silence."""

OUTSIDE = {4: "11.0.0.9", 6: "2a00:11::9"}
"""Addresses that look public; nothing is sent to them."""


def cone(source: Address, which: int) -> Address:
    """Map to one external port for both."""
    return _outside(source), source[1]


def symmetric(source: Address, which: int) -> Address:
    """Map to an external port for each."""
    return _outside(source), source[1] ^ (which + 1)


def mute(source: Address, which: int) -> None:
    """Do not respond."""


def _outside(source: Address) -> str:
    return OUTSIDE[ipaddress.ip_address(source[0]).version]


class StunServer:
    """Responds on both ports; `asked` counts the requests to each."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.asked = [0, 0]
        self.urls: list[str] = []

    @property
    def ice_server(self) -> dict[str, Any]:
        """As it is written in the broker's welcome."""
        return {"urls": self.urls}

    async def open(self, stack: contextlib.AsyncExitStack, host: str) -> None:
        loop = asyncio.get_running_loop()
        for which in (0, 1):
            make_port = functools.partial(_Port, self, which)
            transport, _ = await loop.create_datagram_endpoint(make_port, (host, 0))
            stack.callback(transport.close)
            port = transport.get_extra_info("sockname")[1]
            self.urls.append(f"stun:[{host}]:{port}" if ":" in host else f"stun:{host}:{port}")


class _Port(asyncio.DatagramProtocol):
    def __init__(self, server: StunServer, which: int) -> None:
        self._server = server
        self._which = which

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: Any) -> None:
        question = stun.parse_message(data)
        self._server.asked[self._which] += 1
        if mapped := self._server.mapping(source[:2], self._which):
            attributes = {"XOR-MAPPED-ADDRESS": mapped}
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, question.transaction_id, attributes)
            self._transport.sendto(bytes(answer), source)


@contextlib.asynccontextmanager
async def stun_server(mapping: Mapping = cone, host: str = "127.0.0.1") -> AsyncIterator[StunServer]:
    """Run a server for the length of the block."""
    async with contextlib.AsyncExitStack() as stack:
        server = StunServer(mapping)
        await server.open(stack, host)
        yield server


def own_address(family: socket.AddressFamily = socket.AF_INET) -> str | None:
    """Return the address that this machine would use for the internet, if any; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((OUTSIDE[4 if family is socket.AF_INET else 6], 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def need_private_addresses() -> str:
    """Skip where a machine's own address would reveal more than the STUN server; returns that address, of IPv4."""
    address = own_address()
    if address is None:
        pytest.skip("this machine has no network, so WebRTC asks no server")
    if any(each and ipaddress.ip_address(each).is_global for each in (address, own_address(socket.AF_INET6))):
        pytest.skip("this machine is on the open internet itself: no NAT can be shown to it")
    return address
