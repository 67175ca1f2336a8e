"""What a doctor looks at of a host from outside, as readers, bridges and browsers of visitors see it."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp

from freespan.doctor.findings import Check, Finding
from freespan.doctor.reverse_proxy import ReverseProxy
from freespan.doctor.served_pages import ServedPages
from freespan.doctor.server import Server
from freespan.doctor.settings import DoctorSettings
from freespan.doctor.udp import look_at_stun

NAME, CONNECTION, CERTIFICATE, CLOCK, PATH = "name", "connection", "certificate", "clock", "path"
WEBSOCKET, FRAMES = "websocket", "frames"


def checks_of_way(server: Server) -> list[Check]:
    """The way to a URL, up to its certificate: the first checks of all lists."""
    seconds = server.settings.connect_seconds
    return [
        Check(id=NAME, title="Name (DNS)", look=server.look_at_name),
        Check(id=CONNECTION, title="Connection (TCP)", look=server.look_at_connections, after=(NAME,)),
        Check(
            id=CERTIFICATE,
            title="Certificate (TLS)",
            look=server.look_at_certificate,
            after=(CONNECTION,),
            seconds=4 * seconds,
        ),
        Check(id=CLOCK, title="Clock", look=server.look_at_clock, after=(CERTIFICATE,)),
    ]


def checks_of_sockets(reverse_proxy: ReverseProxy) -> list[Check]:
    """The path, and the WebSockets of bridges and readers."""
    return [
        Check(id=PATH, title="Path", look=reverse_proxy.look_at_path, after=(CERTIFICATE,)),
        Check(id=WEBSOCKET, title="WebSockets", look=reverse_proxy.look_at_signalling, after=(PATH,)),
        Check(id="announced", title="Announced URL", look=reverse_proxy.look_at_announced, after=(WEBSOCKET,)),
        Check(id=FRAMES, title="WebSockets at once", look=reverse_proxy.look_at_frames, after=(WEBSOCKET,)),
    ]


def check_of_quiet(reverse_proxy: ReverseProxy) -> Check:
    """The check that takes longest, and so the last of all lists."""
    return Check(
        id="quiet",
        title="Quiet WebSockets",
        look=reverse_proxy.look_at_quiet,
        after=(WEBSOCKET,),
        seconds=reverse_proxy.seconds_of_quiet,
    )


def checks_from_outside(
    url: str, http: aiohttp.ClientSession, settings: DoctorSettings, stun: Sequence[Sequence[str]] | None = None
) -> list[Check]:
    """All checks of a host at a URL, which has its path and no trailing slash.

    `stun` are its STUN servers, where they are known; else they are those that it names to bridges.
    """
    server = Server(url, http, settings)
    reverse_proxy, pages = ReverseProxy(server), ServedPages(server)

    async def look_at_udp() -> Finding:
        named = [each.urls for each in reverse_proxy.welcome.ice_servers] if reverse_proxy.welcome else []
        servers = named if stun is None else stun
        return await look_at_stun(servers, settings.stun_seconds, is_private=server.is_private)

    return [
        *checks_of_way(server),
        *checks_of_sockets(reverse_proxy),
        Check(id="requests", title="Long requests", look=reverse_proxy.look_at_requests, after=(PATH,)),
        Check(id="streaming", title="Answers at once", look=reverse_proxy.look_at_streaming, after=(PATH,)),
        Check(id="headers", title="Embedding", look=pages.look_at_headers, after=(PATH,)),
        Check(id="bodies", title="Pages", look=pages.look_at_bodies, after=(PATH,)),
        Check(id="caches", title="Caches", look=pages.look_at_caches, after=(PATH,)),
        Check(id="stun", title="STUN (UDP)", look=look_at_udp, after=(WEBSOCKET,) if stun is None else ()),
        check_of_quiet(reverse_proxy),
    ]
