"""Looks how the network of an end treats UDP, by a survey as bridges make it."""

from __future__ import annotations

from collections.abc import Sequence

from freespan.doctor.findings import Finding, bad, good, note
from freespan.link.datachannel import DefaultRouteEngine
from freespan.link.survey import survey
from freespan.wire.messages import IceServer


async def look_at_mapping(
    servers: Sequence[IceServer], *, is_private: bool, blocked: str, engine: DefaultRouteEngine | None = None
) -> Finding:
    """How this network treats UDP, found out as bridges and clients do. `blocked` is what to do without UDP."""
    if not servers:
        if is_private:
            return good("no STUN server is named, and none is needed in a private network")
        return note("no_stun", "the host names no STUN server, so this was not looked at")
    network, _ = await survey(servers, engine=engine)
    if network is None or network.blocks_udp:
        return bad("udp_blocked", "UDP does not get through on this network, or the STUN servers are silent", blocked)
    best = {network.ipv4, network.ipv6}
    if "open" in best:
        return good("UDP gets through, and this machine has a public address")
    if "cone" in best:
        return good("UDP gets through, and the NAT gives all connections one port, as nearly every one does")
    text = "UDP gets through, but the NAT gives each connection a port of its own (symmetric)"
    return note("symmetric_nat", text, "few others can be connected directly: use IPv6, or forward a port")
