"""A name that has led to the open internet leads into no private network later."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from freespan.link.steady_resolver import SteadyResolver


class Answers(AbstractResolver):
    """DNS that says what the test wants."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        self.closed = True


async def addresses(resolver: SteadyResolver, host: str = "host.example") -> list[str]:
    return [found["host"] for found in await resolver.resolve(host, 443)]


async def test_a_name_stays_on_the_open_internet() -> None:
    dns = Answers()
    resolver = SteadyResolver(dns)
    dns.addresses = ["9.9.9.9", "127.0.0.1", "2a00::1", "fd00::1"]
    assert await addresses(resolver) == ["9.9.9.9", "2a00::1"]
    for private in ("127.0.0.1", "192.168.1.1", "fe80::1%eth0", "::ffff:10.0.0.1", "192.0.0.1"):
        dns.addresses = [private]
        with pytest.raises(OSError, match="private network"):
            await resolver.resolve("host.example", 443)
    dns.addresses = ["11.0.0.1"]
    assert await addresses(resolver) == ["11.0.0.1"]
    await resolver.close()
    assert dns.closed


async def test_a_name_of_a_private_network_is_as_good_as_any() -> None:
    dns = Answers()
    resolver = SteadyResolver(dns)
    dns.addresses = ["192.168.1.1"]
    assert await addresses(resolver) == ["192.168.1.1"]
    dns.addresses = ["192.168.1.2"]
    assert await addresses(resolver) == ["192.168.1.2"]
    dns.addresses = ["9.9.9.9"]
    assert await addresses(resolver, "other.example") == ["9.9.9.9"]
    dns.addresses = ["192.168.1.2"]
    assert await addresses(resolver) == ["192.168.1.2"]
