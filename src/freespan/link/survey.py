"""A survey: an end finds out its NAT mapping by gathering candidates, as if it were about to connect."""

from __future__ import annotations

from collections.abc import Sequence

from freespan.link.datachannel import DataChannelLink, DefaultRouteEngine
from freespan.link.settings import GatheringSettings
from freespan.wire.errors import LinkError
from freespan.wire.messages import IceServer
from freespan.wire.network import Network, network_of


async def survey(
    stun: Sequence[IceServer],
    gathering: GatheringSettings | None = None,
    *,
    engine: DefaultRouteEngine | None = None,
) -> tuple[Network | None, IceServer | None]:
    """Ask one STUN server after the other (each with its ports) until one answers; at most a second for each.

    Returns what was found, and the server that this end should use. There is no such server if the end has public
    addresses, or if nothing came back from any server (`Network()`). Without a server to ask, returns None twice. With
    an `engine`, the ways are those that it keeps to.
    """
    for server in stun:
        network = await _ask(server, gathering, engine)
        if {network.ipv4, network.ipv6} <= {"open", None} and not network.blocks_udp:
            return network, None
        if not network.blocks_udp:
            return network, server
    return (Network() if stun else None), None


async def _ask(server: IceServer, gathering: GatheringSettings | None, engine: DefaultRouteEngine | None) -> Network:
    try:
        link = DataChannelLink([server], gathering=gathering, engine=engine)
    except LinkError:
        return Network()  # its URL is unusable, so it will never answer
    try:
        return network_of(await link.offer(patient=True))
    except LinkError:
        return Network()
    finally:
        link.close("the survey is over")
