"""The NAT mapping of an end, for each IP version, read from its ICE candidates.

An end asks two ports of a STUN server from one socket. If both see the same outside port, its NAT has one mapping for
all destinations (endpoint-independent, RFC 4787). If they see two ports, the address that the end tells others is of no
use to them. The WebRTC engine asks by itself while it gathers, so its candidates hold the answers (RFC 8445, RFC 8839).
The broker decides by the mappings which ends can connect (broker/nat.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import msgspec

from freespan.wire.addresses import is_end, parse_address

Mapping = Literal["open", "cone", "symmetric"]
"""`open`: the end has a public address; `cone`: one outside port for all destinations; `symmetric`: one for each."""

_BEST_FIRST: tuple[Mapping, ...] = ("open", "cone", "symmetric")


class Network(msgspec.Struct, frozen=True, omit_defaults=True):
    """The mapping for each IP version; None where no UDP comes back, or the end has no such address."""

    ipv4: Mapping | None = None
    ipv6: Mapping | None = None

    @property
    def blocks_udp(self) -> bool:
        """Whether no UDP comes back at all."""
        return self.ipv4 is None and self.ipv6 is None


def network_of(sdp: str) -> Network:
    """Read the candidates of a description that was gathered with a STUN server of two ports; raises nothing.

    When several interfaces (several ICE bases) have an outside address, the best one counts, since ICE tries them all.
    """
    found: dict[int, set[Mapping]] = defaultdict(set)
    reflexive: dict[tuple[int, str], set[tuple[str, str]]] = defaultdict(set)
    for line in sdp.splitlines():
        # a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ <type> [raddr … rport <port>]
        parts = line.split()
        if not line.startswith("a=candidate:") or len(parts) < 8 or parts[2].lower() != "udp":
            continue
        address, port, kind = parts[4], parts[5], parts[7]
        version = _public_version(address)
        if version and kind == "host":
            found[version].add("open")
        elif version and kind == "srflx":
            base = parts[parts.index("rport") + 1] if "rport" in parts[:-1] else ""
            reflexive[version, base].add((address, port))
    for (version, _), seen in reflexive.items():
        found[version].add("cone" if len(seen) == 1 else "symmetric")
    return Network(_best(found[4]), _best(found[6]))


def _best(found: Iterable[Mapping]) -> Mapping | None:
    return min(found, key=_BEST_FIRST.index, default=None)


def _public_version(address: str) -> int:
    """Return 4 or 6 for the public address of an end, 0 for anything else."""
    parsed = parse_address(address)
    return parsed.version if parsed is not None and is_end(parsed) else 0
