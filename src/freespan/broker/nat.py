"""How likely two ends can connect through their NATs. Pure.

ICE connects two ends when each of them knows an address at which the other one receives packets. An end whose NAT
mapping is endpoint-independent (`cone`, RFC 4787) learns such an address from a STUN server. An end whose NAT makes a
new mapping for each destination (`symmetric`) has none, so the other end must accept packets from an unknown address.
The filtering of NATs is not measured, because a browser cannot measure it; LIKELY and UNLIKELY allow for it.

            open       cone        symmetric
open        CERTAIN    CERTAIN     LIKELY
cone                   CERTAIN     UNLIKELY
symmetric                          IMPOSSIBLE

The table holds for each IP version, and the better version counts. The self-test page has the same table in JavaScript
(`self-test/outlook.js`); tests/vectors/connectivity.json is shared by both.
"""

from __future__ import annotations

from enum import IntEnum

from freespan.wire.network import Mapping, Network


class Connectivity(IntEnum):
    """How likely two ends connect without a TURN server; less is better."""

    CERTAIN = 0
    LIKELY = 1
    UNLIKELY = 2
    IMPOSSIBLE = 3


_BESIDE_SYMMETRIC = {
    "open": Connectivity.LIKELY,
    "cone": Connectivity.UNLIKELY,
    "symmetric": Connectivity.IMPOSSIBLE,
}


def connectivity(one: Network | None, other: Network | None) -> Connectivity:
    """Return how likely two ends connect; None stands for an end that has not measured its network."""
    ends = (one, other)
    if any(end is not None and end.blocks_udp for end in ends):
        # Perhaps only the STUN server is blocked. An open end finds out, and an unknown end may be an open one.
        could_be_open = any(end is None or "open" in (end.ipv4, end.ipv6) for end in ends)
        return Connectivity.UNLIKELY if could_be_open else Connectivity.IMPOSSIBLE
    if one is None or other is None:
        return Connectivity.LIKELY
    return min(_of_mappings(one.ipv4, other.ipv4), _of_mappings(one.ipv6, other.ipv6))


def needs_turn(network: Network) -> bool:
    """Whether few other ends, or none, can reach this one without a TURN server."""
    return {network.ipv4, network.ipv6} <= {None, "symmetric"}


def _of_mappings(one: Mapping | None, other: Mapping | None) -> Connectivity:
    """The table, for one IP version; None is an end without this version."""
    if one is None or other is None:
        return Connectivity.IMPOSSIBLE
    if "symmetric" not in (one, other):
        return Connectivity.CERTAIN
    return _BESIDE_SYMMETRIC[other if one == "symmetric" else one]
