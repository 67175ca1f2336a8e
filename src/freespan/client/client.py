"""Keeps a session open: looks for a bridge, opens the session, and begins anew when it ends.

looking ──▶ connecting ──▶ open ──▶ (the session ends) ──▶ looking
   └── no bridge, broker away ──▶ waiting ──▶ looking      failed: asking again cannot help
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from freespan.client.dialer import DialedLink, Dialer, TransportError, http_session
from freespan.client.transports import TransportChoice, TransportSelector
from freespan.wire.backoff import Backoff
from freespan.wire.errors import FreespanError, LinkError, RendezvousError, StreamError, TunnelError, WrongKeyError
from freespan.wire.invite import Invite
from freespan.wire.limits import SESSION_WAIT_SECONDS, STEADY_SECONDS
from freespan.wire.proxy_status import ProxyStatus

if TYPE_CHECKING:
    from freespan.client.link_manager import LinkManager
    from freespan.tunnel.client import ClientTunnel
    from freespan.tunnel.tickets import TicketJar

_WRONG_KEYS_MAX = 3
HOST_RESTARTED = "the host was restarted and open connections are cut; beginning anew"
_WAITING = "no bridge is left; open connections go on when one comes"
_WAITING_ALONE = "the way to the host is cut; open connections go on when it is back"
_WORDS = {
    "webrtc": "a bridge carries this session",
    "turn": "a bridge carries this session, by way of the host's relay",
    "websocket": "straight to the host, since no bridge could be reached",
    "front": "to the host by way of a front, since no bridge could be reached",
}


@dataclass(frozen=True)
class ClientStatus:
    """`state` is one of the picture above; `seconds` are the parts of the set-up that led here.

    `transport` is the one in use (`webrtc`, `relay`, `websocket`, `front`; see `DialedLink`), empty without a session;
    `links` is how many links carry it. A session without a link is `waiting`, and has a transport.
    """

    state: str
    detail: str = ""
    transport: str = ""
    links: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


class Client:
    """Run `run` in a task; `session` gives the open session, or waits for one. `transport` keeps it to one transport."""

    def __init__(
        self, invite: Invite, on_status: Callable[[ClientStatus], None], transport: TransportChoice = "auto"
    ) -> None:
        self._invite = invite
        self._on_status = on_status
        self._transports = TransportSelector(transport)
        self._may_relay = transport != "webrtc"
        self._watch = _Stopwatch()
        self._backoff = Backoff(random.random)
        self._wrong_keys = 0
        self._session: ClientTunnel | None = None
        self._jars: dict[str, TicketJar] = {}
        self._loading: asyncio.Task[None] | None = None
        self._links: LinkManager | None = None
        self._news = asyncio.Condition()
        self.status = ClientStatus("looking")

    async def run(self) -> None:
        """Keep a session until cancelled. Raises `FreespanError` when trying again cannot help."""
        async with http_session() as http:
            links = Dialer(http, self._invite, lambda part: self._watch.lap(part), relays=self._may_relay)
            try:
                while True:
                    try:
                        session, found = await self._open(links)
                    except (RendezvousError, LinkError, TunnelError) as error:
                        await self._wait_after(error)
                        continue
                    if not await self._stay(session):
                        links.pass_over(found)
            finally:
                await links.close()

    async def session(self, seconds: float = SESSION_WAIT_SECONDS) -> ClientTunnel:
        """The open session; waits up to `seconds` for one. Raises `StreamError` (destination_unavailable)."""
        try:
            async with asyncio.timeout(seconds), self._news:
                while self._session is None or self._session.is_over:
                    await self._news.wait()
                return self._session
        except TimeoutError:
            raise StreamError(ProxyStatus("destination_unavailable")) from None

    async def _open(self, links: Dialer) -> tuple[ClientTunnel, DialedLink]:
        """One whole attempt, each part timed."""
        self._watch = _Stopwatch()
        self._tell(ClientStatus("looking", "asking the broker for a bridge"))
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load_tunnel), name="client-load-tunnel")
        found = await self._found(links)
        try:
            await self._loading
            manager, session = self._new_session(links, found)
            if session.begin():
                await self._offer(session)
            await session.start()
            self._watch.lap("handshake")
            links.worked(found)
            self._transports.worked()
            self._wrong_keys = 0
            self._tell(ClientStatus("open", _WORDS[found.transport], found.transport, 1, dict(self._watch.parts)))
            await self._offer(session)
        except BaseException as error:
            self._session = None
            found.link.close("given up")
            if isinstance(error, TunnelError):
                self._transports.failed(time.monotonic())
                # a bridge's wrong key may be the host's own: then it must come up again
                if found.endpoint or not isinstance(error, WrongKeyError):
                    links.avoid(found)
            raise
        self._links = manager
        manager.start(session)
        return session, found

    def _new_session(self, links: Dialer, found: DialedLink) -> tuple[LinkManager, ClientTunnel]:
        from freespan.client.link_manager import LinkManager
        from freespan.tunnel.client import ClientTunnel
        from freespan.tunnel.tickets import TicketJar

        # the host must not be able to join what a reader did through bridges to an address that it sees by another transport
        jar = self._jars.setdefault(found.transport, TicketJar())
        manager = LinkManager(links, self._transports, found, lambda count: self._links_changed(found.transport, count))
        return manager, ClientTunnel(self._invite.egress_key, manager.bond, jar)

    def _links_changed(self, transport: str, count: int) -> None:
        """Tell who looks at the status; the session goes on, whether it has links or waits for one."""
        if self._session is None or self._session.is_over:
            return
        if not count:
            self._tell(
                ClientStatus("waiting", _WAITING if transport in ("webrtc", "turn") else _WAITING_ALONE, transport)
            )
        elif count > 1:
            self._tell(ClientStatus("open", f"{count} bridges carry this session", transport, count))
        else:
            self._tell(ClientStatus("open", _WORDS[transport], transport, count))

    async def _offer(self, session: ClientTunnel) -> None:
        """Give the session to whoever waits for one."""
        self._session = session
        async with self._news:
            self._news.notify_all()

    async def _found(self, links: Dialer) -> DialedLink:
        """A link by the first transport that is not known to be closed."""
        while True:
            transport = self._transports.choose(time.monotonic())
            try:
                return await links.open(transport, self._tell_of_answer)
            except TransportError as error:
                self._transports.failed(time.monotonic(), closed=error.closed)
                if not error.closed or self._transports.choose(time.monotonic()) == transport:
                    raise

    def _tell_of_answer(self) -> None:
        self._tell(ClientStatus("connecting", "a bridge answered; opening the session"))

    async def _stay(self, session: ClientTunnel) -> bool:
        """Wait until the session ends; false after a short one, and a pause, lest bridges that leave keep all busy.

        A host that was restarted has proved that it is there again, and that no bridge is to blame.
        """
        from freespan.link.bond import RESTARTED

        since = time.monotonic()
        try:
            reason = await session.wait_ended()
        finally:
            self._session = None
            session.close("the client is stopping")
            if self._links is not None:
                await self._links.stop()
        if reason == RESTARTED:
            self._tell(ClientStatus("looking", HOST_RESTARTED))
            return True
        self._tell(ClientStatus("looking", f"the session ended ({reason}); looking for another bridge"))
        if time.monotonic() - since >= STEADY_SECONDS:
            self._backoff.succeeded()
            return True
        await asyncio.sleep(self._backoff.failed())
        return False

    async def _wait_after(self, error: FreespanError) -> None:
        """Back off after a failure; raises it when trying again cannot help.

        A wrong key may be the trick of one bridge, so others are tried; several in a row are said to have failed.
        """
        if isinstance(error, RendezvousError) and not error.retry:
            self._tell(ClientStatus("failed", str(error)))
            raise error
        self._wrong_keys += isinstance(error, WrongKeyError)
        after = error.after if isinstance(error, RendezvousError) else None
        wait = self._backoff.failed(after or 0.0)
        if self._wrong_keys >= _WRONG_KEYS_MAX:
            self._tell(ClientStatus("failed", str(error)))
        else:
            self._tell(ClientStatus("waiting", f"{error}; next try in {wait:.0f} s"))
        await asyncio.sleep(wait)

    def _tell(self, status: ClientStatus) -> None:
        self.status = status
        self._on_status(status)


def _load_tunnel() -> None:
    """QUIC and its cryptography take a tenth of a second to load: time that the way to the broker and back leaves."""
    import freespan.client.link_manager  # noqa: F401


class _Stopwatch:
    """Times the parts of a set-up, in seconds."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.parts[name] = round(now - self._since, 4)
        self._since = now
