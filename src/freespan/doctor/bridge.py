"""What a doctor looks at on the machine of a headless bridge: whether it could help readers of a host."""

from __future__ import annotations

import aiohttp

from freespan.doctor.findings import Check, Finding
from freespan.doctor.front import Front
from freespan.doctor.host import WEBSOCKET, check_of_quiet, checks_of_sockets, checks_of_way
from freespan.doctor.mapping import look_at_mapping
from freespan.doctor.server import Server
from freespan.doctor.settings import DoctorSettings


def checks_of_bridge(url: str, http: aiohttp.ClientSession, settings: DoctorSettings) -> list[Check]:
    """All checks of a bridge for the host at a URL without a trailing slash."""
    server = Server(url, http, settings)
    front = Front(server)

    async def mapping() -> Finding:
        return await look_at_mapping(
            [] if front.welcome is None else front.welcome.ice_servers,
            is_private=server.is_private,
            blocked="allow UDP to every port: without it, readers reach this bridge through a TURN server alone",
        )

    return [
        *checks_of_way(server),
        *checks_of_sockets(front),
        Check(id="udp", title="UDP and NAT", look=mapping, after=(WEBSOCKET,)),
        check_of_quiet(front),
    ]
