"""A source: the address that somebody comes from, under a keyed hash. Pure.

Budgets need to know which of two strangers come from one place, and nothing else. So they see the hash of an address
and that of the network around it. The key is drawn at random, changes every day and is never stored, so that hashes
lead back to no address and are worth nothing the day after.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2s

from freespan.wire.addresses import Address

KEY_SECONDS = 24 * 3_600.0
_KEY_SIZE = 32
_HASH_SIZE = 16
_KINDS = {
    4: ((b"h4", 32 - 32), (b"n4", 32 - 24), (b"r4", 32 - 16)),
    6: ((b"h6", 128 - 64), (b"n6", 128 - 48), (b"r6", 128 - 32)),
}
"""How many last bits do not matter for one host, network and region: one person has an IPv6 /64 at least."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where somebody comes from.

    Attributes:
        host: a hash of the IPv4 address, or of the IPv6 /64.
        network: a hash of the IPv4 /24, or of the IPv6 /48.
        region: a word for the IPv4 /16, or the IPv6 /32: the IP version, and a hash. Empty for who has no address, and
            for who does not stay: nobody is told where readers are.
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
        self._names_regions = math.isinf(key_seconds)

    def lasting(self) -> SourceHasher:
        """One whose key never changes, for those who stay connected for days: one address stays one source."""
        return SourceHasher(self._now, self._random_bytes, math.inf)

    def source_of(self, address: Address) -> Source:
        """The source of an address; an IPv4 address inside an IPv6 one counts as itself."""
        if isinstance(address, ipaddress.IPv6Address):
            address = _ipv4_in(address) or address
        number, key, version = int(address), self._current_key(), address.version
        host, network, region = _KINDS[version]
        region_name = f"{version}{_hash(number, key, region).hex()}" if self._names_regions else ""
        return Source(_hash(number, key, host), _hash(number, key, network), region_name)

    def source_of_name(self, name: str) -> Source:
        """The source of somebody who has a name instead of an address, and is a network of their own."""
        key = self._current_key()
        digest = blake2s(name.encode(), key=key, person=b"name", digest_size=_HASH_SIZE).digest()
        return Source(digest, digest)

    def _current_key(self) -> bytes:
        if (now := self._now()) >= self._until:
            self._key = self._random_bytes(_KEY_SIZE)
            self._until = now + self._key_seconds
        return self._key


def _hash(number: int, key: bytes, kind: tuple[bytes, int]) -> bytes:
    name, shift = kind
    return blake2s((number >> shift).to_bytes(8, "big"), key=key, person=name, digest_size=_HASH_SIZE).digest()


def _ipv4_in(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that is mapped to IPv6, or that has made itself a 6to4 or Teredo address (RFC 3056, 4380)."""
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
