"""Listens at loopback addresses, and at no others: one port, for both IP versions if that is wanted.

A name such as `localhost:8118` leads programs to `::1` first, where the machine has IPv6. Nobody must be able to take
that place beside the proxy, so a port counts as free only if it is free at both.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Awaitable, Callable, Sequence

from freespan.tunnel.stream import CHUNK_SIZE
from freespan.wire.addresses import address_text, parse_address
from freespan.wire.errors import InputError

LOCALHOST = "localhost"
"""Both of `LOOPBACK`, as far as the machine has them."""
LOOPBACK = ("127.0.0.1", "::1")
_TRIES = 16
"""How many ports of the system's choice are tried until one is free at both addresses."""
_TAKEN = {errno.EADDRINUSE, errno.EACCES}

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def loopback_addresses(text: str) -> tuple[str, ...]:
    """The addresses that are meant by `localhost`, `::1`, `[::1]` or an address of 127.0.0.0/8.

    Raises:
        InputError: field `address`; other machines could connect to it, or it is none.
    """
    if text.lower().removesuffix(".") == LOCALHOST:
        return LOOPBACK
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    address = parse_address(inner)
    if address is None or not address.is_loopback or (address.version == 6 and int(address) != 1):
        raise InputError("address", "must be localhost, ::1 or an address of 127.0.0.0/8")
    return (address_text(address),)


async def listen(handle: Handler, addresses: Sequence[str], port: int) -> list[asyncio.Server]:
    """Listen at one port of these addresses, which the system chooses for 0.

    Of several addresses, one that the machine does not have is left out.

    Raises:
        InputError: field `port` or `address`; it is in use or may not be used, or there is none.
    """
    for _ in range(_TRIES - 1 if port == 0 else 0):
        with contextlib.suppress(InputError):
            return await _listen_once(handle, addresses, port)
    return await _listen_once(handle, addresses, port)


async def _listen_once(handle: Handler, addresses: Sequence[str], port: int) -> list[asyncio.Server]:
    servers: list[asyncio.Server] = []
    try:
        for address in addresses:
            wanted = servers[0].sockets[0].getsockname()[1] if servers else port
            try:
                servers.append(await asyncio.start_server(handle, address, wanted, limit=CHUNK_SIZE))
            except OSError as error:
                is_last_hope = address == addresses[-1] and not servers
                if is_last_hope or error.errno in _TAKEN:
                    raise _unusable(error, address, wanted, addresses) from None
    except BaseException:
        for server in servers:
            server.close()
        raise
    return servers


def _unusable(error: OSError, address: str, port: int, addresses: Sequence[str]) -> InputError:
    number = error.errno or errno.EADDRNOTAVAIL
    reason = os.strerror(number).lower()
    if number == errno.EADDRNOTAVAIL and address not in LOOPBACK[:1]:
        return InputError("address", f"this system has no {address}; choose 127.0.0.1")
    if address != addresses[0]:
        return InputError(
            "port", f"{port}: {reason} at {address}; choose another one, or listen at {addresses[0]} alone"
        )
    return InputError("port", f"{port}: {reason}; choose another one")
