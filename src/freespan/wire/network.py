"""How an end reaches the open internet, told coarsely; and which two ends can probably connect. Pure.

An end asks two ports of a STUN server from one socket. If both see it at the same outside port, its NAT has one mapping
for all destinations (RFC 4787: endpoint-independent); if not, the port that it tells others is of no use to them. The
WebRTC engine asks by itself while it gathers, so all that is needed stands in its candidates (RFC 8445, RFC 8839).

Filtering is not measured: a browser cannot, and the difference that it makes is covered by the order of `fit`.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

import msgspec

from freespan.wire.addresses import is_public

Mapping = Literal["open", "cone", "symmetric"]
"""`open`: its own address is public; `cone`: one outside port for all; `symmetric`: a new one for each destination."""

_ORDER: tuple[Mapping, ...] = ("open", "cone", "symmetric")
IMPOSSIBLE = 3
"""What `fit` says of two ends that only a relay can connect."""


class Network(msgspec.Struct, frozen=True, omit_defaults=True):
    """The mapping for each IP version; none where UDP does not come through."""

    ipv4: Mapping | None = None
    ipv6: Mapping | None = None

    @property
    def blocks_udp(self) -> bool:
        """Whether no UDP comes through at all."""
        return self.ipv4 is None and self.ipv6 is None

    @property
    def wants_relay(self) -> bool:
        """Whether this end can be reached by few others, or by none, without a relay."""
        return {self.ipv4, self.ipv6} <= {None, "symmetric"}


def network_of(sdp: str) -> Network:
    """Read the candidates of a description that was gathered with a STUN server of two ports.

    When several interfaces (several bases) have an outside address, the best of them counts: ICE tries them all.
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


def fit(one: Network | None, other: Network | None) -> int:
    """How likely two ends connect: 0 surely, 1 probably or unknown, 2 hardly, 3 (`IMPOSSIBLE`) by a relay only."""
    if any(end is not None and end.blocks_udp for end in (one, other)):
        # perhaps it is only the STUN server that is blocked: an open end will tell, and so may an unknown one
        return 2 if any(end is None or "open" in (end.ipv4, end.ipv6) for end in (one, other)) else IMPOSSIBLE
    if one is None or other is None:
        return 1
    return min(_fit_of(one.ipv4, other.ipv4), _fit_of(one.ipv6, other.ipv6))


def _fit_of(one: Mapping | None, other: Mapping | None) -> int:
    if one is None or other is None:
        return IMPOSSIBLE
    if "symmetric" not in (one, other):
        return 0
    # whoever maps anew for each destination cannot be told of, so it is the other one that must let strangers in
    return {"open": 1, "cone": 2, "symmetric": IMPOSSIBLE}[other if one == "symmetric" else one]


def _best(found: Iterable[Mapping]) -> Mapping | None:
    return min(found, key=_ORDER.index, default=None)


def _public_version(address: str) -> int:
    """4 or 6 for a public address, 0 for anything else."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return 0
    return parsed.version if is_public(parsed) else 0
