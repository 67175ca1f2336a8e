"""The IPv6 networks that bridges are in. Pure.

Devices with IPv6 have public addresses, and a router lets through what answers its own network. So a reader who knows
the address of a volunteer could name their neighbours in an offer, and the volunteer's browser would send connectivity
checks to them. Readers learn such addresses from answers, so the broker remembers the /64s that those of a bridge
named, under a keyed hash, and leaves out of offers to that bridge what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable

from freespan.sources.source import Source, SourceHasher
from freespan.wire.addresses import is_public, parse_address
from freespan.wire.limits import OFFER_ADDRESSES_MAX
from freespan.wire.sdp import public_addresses

_NETWORKS_MAX = 2 * OFFER_ADDRESSES_MAX


class BridgeNetworks:
    """For each bridge that is connected the newest of its networks, hashed by a `hasher` whose key lasts."""

    def __init__(self, hasher: SourceHasher) -> None:
        self._hasher = hasher
        self._networks: dict[str, dict[bytes, None]] = {}

    def __len__(self) -> int:
        return len(self._networks)

    def join(self, bridge: str, source: Source | None) -> None:
        """A bridge has connected from a source, hashed by the same hasher."""
        self._networks[bridge] = {} if source is None else {source.host: None}

    def leave(self, bridge: str) -> None:
        """It is gone."""
        self._networks.pop(bridge, None)

    def learn(self, bridge: str, answer: str) -> None:
        """A bridge has given this answer."""
        known = self._networks.get(bridge)
        if known is None:
            return
        for address in public_addresses(answer):
            if address.version == 6:
                host = self._hasher.source_of(address).host
                known.pop(host, None)
                known[host] = None
        while len(known) > _NETWORKS_MAX:
            del known[next(iter(known))]

    def neighbours(self, bridge: str, names: Iterable[str]) -> set[str]:
        """Those of the addresses and mDNS names that are IPv6 addresses in a network of the bridge."""
        known = self._networks.get(bridge)
        if not known:
            return set()
        found = ((name, parse_address(name)) for name in names if ":" in name)
        return {
            name
            for name, address in found
            if address is not None and is_public(address) and self._hasher.source_of(address).host in known
        }
