"""What a doctor looks at on the machine of a headless bridge: whether it could help readers of a host."""

from __future__ import annotations

import aiohttp

from freespan.doctor.findings import Check, Finding
from freespan.doctor.host import WEBSOCKET, check_of_quiet, checks_of_sockets, checks_of_way
from freespan.doctor.mapping import look_at_mapping
from freespan.doctor.reverse_proxy import ReverseProxy
from freespan.doctor.server import Server
from freespan.doctor.settings import DoctorSettings


def checks_of_bridge(url: str, http: aiohttp.ClientSession, settings: DoctorSettings) -> list[Check]:
    """All checks of a bridge for the host at a URL without a trailing slash."""
    server = Server(url, http, settings)
    reverse_proxy = ReverseProxy(server)

    async def mapping() -> Finding:
        return await look_at_mapping(
            [] if reverse_proxy.welcome is None else reverse_proxy.welcome.ice_servers,
            is_private=server.is_private,
            blocked="allow UDP to every port: without it, readers reach this bridge through a TURN server alone",
        )

    return [
        *checks_of_way(server),
        *checks_of_sockets(reverse_proxy),
        Check(id="udp", title="UDP and NAT", look=mapping, after=(WEBSOCKET,)),
        check_of_quiet(reverse_proxy),
    ]
