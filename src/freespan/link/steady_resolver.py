"""DNS for an end that stays with one host: once its name has led to the open internet, it leads nowhere else.

Otherwise a host could change its name's address later (DNS rebinding), and so make the end ask something in its own
network.
"""

from __future__ import annotations

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from freespan.wire.addresses import is_public, parse_address


class SteadyResolver(AbstractResolver):
    """Resolves by `inner`, which is aiohttp's own resolver where none is given."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.DefaultResolver()
        self._public: set[str] = set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises `OSError` if none of them may be used."""
        found = await self._inner.resolve(host, port, family)
        public = [result for result in found if _is_public(result["host"])]
        if public:
            self._public.add(host)
            return public
        if host in self._public:
            raise OSError("a name of the open internet leads to a private network")
        return found

    async def close(self) -> None:
        """Release what `inner` holds."""
        await self._inner.close()


def _is_public(text: str) -> bool:
    address = parse_address(text.partition("%")[0])
    return address is not None and is_public(address)
