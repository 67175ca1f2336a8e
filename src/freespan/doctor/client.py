"""What a doctor looks at on a reader's machine: each way to the host of an invite, and whether a session opens by it.

A report may be shown to somebody who helps. So it names the endpoints of the invite by numbers, and whatever others
have said is shown without their names.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import msgspec

from freespan.api.client import connect
from freespan.client.client import Client as Engine
from freespan.client.dialer import keeps_to_default_route
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.rendezvous import Rendezvous
from freespan.client.settings import ClientSettings
from freespan.client.status import WITHOUT_BRIDGE, ClientStatus
from freespan.client.transports import Transport
from freespan.doctor.findings import Check, Finding, bad, good, note
from freespan.doctor.host import checks_of_way
from freespan.doctor.mapping import look_at_mapping
from freespan.doctor.server import Server, finding_of
from freespan.doctor.settings import DoctorSettings
from freespan.link.datachannel import DefaultRouteEngine
from freespan.link.default_route import default_routes, usable_versions
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import FreespanError, InputError, NotAdmittedError, RendezvousError, WrongKeyError
from freespan.wire.invite import Invite
from freespan.wire.messages import IceServer

_NO_BRIDGE = WITHOUT_BRIDGE - {"no_reachable_bridge"}
"""Why there is no session, for no fault of this network."""
_BLOCKED = "allow UDP, or try another network; without it, freespan connect --allow-direct goes without a bridge"


def ip_versions_for(invite: Invite) -> frozenset[int]:
    """The IP versions that a client with this invite uses: beside a VPN it sends nothing."""
    keeps = keeps_to_default_route(invite, ClientSettings())
    return usable_versions(default_routes()) if keeps else frozenset({4, 6})


class Reader:
    """A reader's machine, with an invite."""

    def __init__(
        self,
        invite: Invite,
        http: aiohttp.ClientSession,
        patience: DoctorSettings,
        settings: ClientSettings | None = None,
    ) -> None:
        self._invite = invite
        self._http = http
        self._patience = patience
        self._settings = settings or ClientSettings()
        self._one_session = asyncio.Lock()
        """An invite may allow one session at a time."""
        self._hidden = [part for url in invite.endpoints for part in _telling_parts(url)]

    def checks(self) -> list[Check]:
        """All checks, those of the host's own URL first."""
        checks = [
            Check(id="proxy", title="Local proxy", look=self._look_at_proxy),
            Check(id="udp", title="UDP and NAT", look=self._look_at_udp),
        ]
        names = ["host", *(f"front{number}" for number in range(1, len(self._invite.fronts) + 1))]
        for name, url in zip(names, self._invite.endpoints, strict=True):
            checks += self._checks_of_endpoint(name, url)
        checks += self._checks_of_sessions(names)
        return [replace(check, look=self._without_names(check.look)) for check in checks]

    def _checks_of_endpoint(self, name: str, url: str) -> list[Check]:
        title = "Host" if name == "host" else f"Front {name.removeprefix('front')}"
        server = Server(url, self._http, self._patience, "host" if name == "host" else "front")
        server.versions = ip_versions_for(self._invite)
        checks = [
            *checks_of_way(server),
            Check(id="answer", title="Broker", look=lambda: self._look_at_broker(url), after=("certificate",)),
        ]
        return [
            replace(
                check,
                id=f"{name}.{check.id}",
                title=f"{title}: {check.title[:1].lower()}{check.title[1:]}",
                after=tuple(f"{name}.{each}" for each in check.after),
            )
            for check in checks
        ]

    # --- this machine -----------------------------------------------------------------------------
    async def _look_at_proxy(self) -> Finding:
        """Whether the port of the local proxy is free."""
        proxy = LocalProxy(Engine(self._invite, lambda status: None), self._settings)
        try:
            port = await proxy.start(self._patience.port)
        except InputError as error:
            advice = "freespan connect may be running already; else choose another port (--port), for both commands"
            return bad("port_taken", f"its port cannot be used ({error.reason.partition(';')[0]})", advice)
        finally:
            await proxy.stop()
        return good(f"port {port} is free")

    async def _look_at_udp(self) -> Finding:
        """How this network treats UDP, found out by the ways that a client keeps to."""
        servers = [IceServer(list(urls)) for urls in self._invite.stun]
        engine = DefaultRouteEngine() if keeps_to_default_route(self._invite, self._settings) else None
        try:
            is_private = is_private_url(self._invite.broker)
            return await look_at_mapping(servers, is_private=is_private, blocked=_BLOCKED, engine=engine)
        finally:
            if engine is not None:
                engine.close()

    # --- the host ---------------------------------------------------------------------------------
    async def _look_at_broker(self, url: str) -> Finding:
        """Whether the broker can be asked at this endpoint, opens what is asked, and knows the invite."""
        try:
            await Rendezvous(self._http, self._invite_by(url), self._settings).fetch_turn_servers()
        except NotAdmittedError as error:
            return bad("not_admitted", str(error), "ask whoever gave you the invite")
        except WrongKeyError as error:
            return bad("wrong_key", str(error), "if it stays so on another network too, ask for a new invite")
        except RendezvousError as error:
            return _of_refusal(error)
        return good("it answers, has the key of the invite, and admits it")

    def _invite_by(self, url: str) -> Invite:
        """The invite as if the host had this one URL."""
        return msgspec.structs.replace(self._invite, broker=url, fronts=())

    # --- sessions -----------------------------------------------------------------------------------
    def _checks_of_sessions(self, names: list[str]) -> list[Check]:
        seconds = self._patience.session_seconds * (3 + len(names))
        checks = [
            Check(id="webrtc", title="Session by webrtc", look=self._session("webrtc", self._invite), seconds=seconds),
            Check(id="turn", title="Session by turn", look=self._look_at_turn, seconds=seconds),
        ]
        for name, url in zip(names, self._invite.endpoints, strict=True):
            title = "Session by websocket" if name == "host" else f"Session by front {name.removeprefix('front')}"
            look = self._session("websocket", self._invite_by(url))
            id_ = "websocket" if name == "host" else f"{name}.websocket"
            checks.append(Check(id=id_, title=title, look=look, after=(f"{name}.answer",), seconds=seconds))
        return checks

    async def _look_at_turn(self) -> Finding:
        try:
            servers = await Rendezvous(self._http, self._invite, self._settings).fetch_turn_servers()
        except (NotAdmittedError, WrongKeyError, RendezvousError) as error:
            return note("turn_unknown", f"the broker could not be asked: {error}")
        if not servers:
            return good("the host has no TURN server")
        return await self._session("turn", self._invite)()

    def _session(self, transport: Transport, invite: Invite) -> Callable[[], Awaitable[Finding]]:
        """Looks whether a session opens by one transport."""

        async def look() -> Finding:
            async with self._one_session:
                began = asyncio.get_running_loop().time()
                status = await self._last_status(transport, invite)
                seconds = asyncio.get_running_loop().time() - began
            if status.state == "open":
                return good(f"open after {seconds:.1f} s")
            if status.cause in _NO_BRIDGE:
                return note("no_bridge", status.reason, "nobody lends one just now: wait, or try later")
            text = status.reason or "no session came about in time"
            return bad("no_session", text, "the checks above may say why; else try another network")

        return look

    async def _last_status(self, transport: Transport, invite: Invite) -> ClientStatus:
        """The status of a client once it has a session, or has tried often enough."""
        tries, last = 0, ClientStatus("waiting")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.session_seconds):
                try:
                    async with connect(invite, transport=transport, timeout=0, settings=self._settings) as client:
                        async for status in client.events():
                            if status.state == "open":
                                return status
                            if status.reason:
                                tries, last = tries + 1, status
                            if tries >= self._patience.session_tries:
                                break
                except FreespanError as error:
                    last = ClientStatus("failed", str(error), reason=str(error))
        return last

    # --- names ------------------------------------------------------------------------------------
    def _without_names(self, look: Callable[[], Awaitable[Finding]]) -> Callable[[], Awaitable[Finding]]:
        async def looked() -> Finding:
            found = await look()
            return replace(found, text=self._shown(found.text), advice=self._shown(found.advice))

        return looked

    def _shown(self, text: str) -> str:
        for part in self._hidden:
            text = re.sub(re.escape(part), "(hidden)", text, flags=re.IGNORECASE)
        return text


def _of_refusal(error: RendezvousError) -> Finding:
    if error.cause is not None:
        return finding_of(error.cause)
    return bad(error.code, str(error), "try again in a minute; else tell whoever runs the host")


def _telling_parts(url: str) -> list[str]:
    """What would tell others where the host is."""
    parts = urlsplit(url)
    return [each for each in (parts.path.strip("/"), parts.netloc, parts.hostname) if each and len(each) > 3]
