"""A source: the address that somebody comes from, under a keyed hash. Pure.

Budgets need to know which of two strangers come from one place, and nothing else. So they see the hash of an address
and that of the network around it. The key is drawn at random, changes every day and is never stored, so that hashes
lead back to no address and are worth nothing the day after.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass

from freespan.wire.addresses import Address

KEY_SECONDS = 24 * 3_600.0
_KEY_SIZE = 32
_HASH_SIZE = 16
_PREFIXES = {4: (32, 24, 16), 6: (64, 48, 32)}
"""The bits that tell one host, network and region from others: a single person has an IPv6 /64 at the least."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where somebody comes from.

    Attributes:
        host: a hash of the IPv4 address, or of the IPv6 /64.
        network: a hash of the IPv4 /24, or of the IPv6 /48.
        region: a word for the IPv4 /16, or the IPv6 /32: the IP version, and a hash. Empty for who has no address.
    """

    host: bytes
    network: bytes
    region: str = ""


class SourceHasher:
    """Hashes addresses under a key that changes daily.

    At that moment everybody becomes a new source: budgets are full again, and what was held before counts apart from
    what is held later.

    Args:
        now: seconds that never go back.
        random_bytes: as many random bytes as asked for, fit for a key.
        key_seconds: how long a key is used.
    """

    def __init__(
        self, now: Callable[[], float], random_bytes: Callable[[int], bytes], key_seconds: float = KEY_SECONDS
    ) -> None:
        self._now = now
        self._random_bytes = random_bytes
        self._key_seconds = key_seconds
        self._key = random_bytes(_KEY_SIZE)
        self._until = now() + key_seconds

    def lasting(self) -> SourceHasher:
        """One whose key never changes, for those who stay connected for days: one address stays one source."""
        return SourceHasher(self._now, self._random_bytes, math.inf)

    def source_of(self, address: Address) -> Source:
        """The source of an address; an IPv4 address inside an IPv6 one counts as itself."""
        if isinstance(address, ipaddress.IPv6Address):
            address = _ipv4_in(address) or address
        number = int(address)
        version = address.version
        host, network, region = (number >> address.max_prefixlen - bits for bits in _PREFIXES[version])
        word = f"{version}{self._hash(f'r{version}', region).hex()}"
        return Source(self._hash(f"h{version}", host), self._hash(f"n{version}", network), word)

    def source_of_name(self, name: str) -> Source:
        """The source of somebody who has a name instead of an address, and is a network of their own."""
        digest = self._digest(b"name", name.encode())
        return Source(digest, digest)

    def _hash(self, kind: str, number: int) -> bytes:
        return self._digest(kind.encode(), number.to_bytes(8, "big"))

    def _digest(self, kind: bytes, data: bytes) -> bytes:
        if self._now() >= self._until:
            self._key = self._random_bytes(_KEY_SIZE)
            self._until = self._now() + self._key_seconds
        return hashlib.blake2s(data, key=self._key, person=kind, digest_size=_HASH_SIZE).digest()


def _ipv4_in(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is mapped to IPv6, or that has made itself a 6to4 or Teredo address (RFC 3056, 4380)."""
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
