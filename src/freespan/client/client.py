"""Keeps a session open: finds a way to the egress, opens the session, and starts again when it ends.

looking ──▶ connecting ──▶ open ◀──▶ waiting (no link is left)      open, waiting ── the session ends ──▶ looking
   └── no bridge, or the broker cannot be reached ──▶ waiting ──▶ looking      failed: trying again cannot help
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freespan.client.dialer import DialedLink, Dialer, http_session
from freespan.client.settings import ClientSettings
from freespan.client.status import HOST_RESTARTED, ClientStatus, status_of_session
from freespan.client.stopwatch import Stopwatch
from freespan.client.transports import TransportChoice, TransportError, TransportInUse, TransportSelector
from freespan.wire.backoff import Backoff
from freespan.wire.errors import FreespanError, LinkError, RendezvousError, StreamError, TunnelError, WrongKeyError
from freespan.wire.invite import Invite
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

if TYPE_CHECKING:
    from freespan.client.link_manager import LinkManager
    from freespan.tunnel.client import ClientTunnel
    from freespan.tunnel.stream import TunnelStream
    from freespan.tunnel.tickets import TicketJar


@dataclass(frozen=True)
class _Connection:
    """An open session, the links that carry it, and the first one of them."""

    session: ClientTunnel
    links: LinkManager
    first: DialedLink


class Client:
    """Run `run` in a task; cancelling it closes everything. `open_stream` and `session` wait for an open session.

    `on_status` is called with each new status. `transport` other than "auto" keeps the client to that one.
    """

    def __init__(
        self,
        invite: Invite,
        on_status: Callable[[ClientStatus], None],
        transport: TransportChoice = "auto",
        settings: ClientSettings | None = None,
    ) -> None:
        self._invite = invite
        self._on_status = on_status
        self._settings = settings = settings or ClientSettings()
        self._transports = TransportSelector(
            transport, bridge_tries=settings.bridge_tries, reset_seconds=settings.reorder_seconds
        )
        self._allow_turn = transport != "webrtc"
        self._backoff = Backoff(
            random.random, first=settings.first_retry_seconds, longest=settings.longest_retry_seconds
        )
        self._wrong_keys = 0
        self._session: ClientTunnel | None = None
        self._session_opened = asyncio.Condition()
        self._links: LinkManager | None = None
        self._ticket_jars: dict[TransportInUse, TicketJar] = {}
        self._loading: asyncio.Task[None] | None = None
        self.status = ClientStatus("looking")

    async def run(self) -> None:
        """Keep a session open until cancelled. Raises `FreespanError` when trying again cannot help."""
        async with http_session() as http:
            dialer = Dialer(http, self._invite, self._settings, allow_turn=self._allow_turn)
            try:
                while True:
                    try:
                        connection = await self._connect(dialer)
                    except (RendezvousError, LinkError, TunnelError) as error:
                        await self._wait_after(error)
                        continue
                    if not await self._stay(connection):
                        dialer.report_short_lived(connection.first)
            finally:
                await dialer.close()

    # --- for programs ------------------------------------------------------------------------
    async def session(self, seconds: float | None = None) -> ClientTunnel:
        """The open session; waits for one, by default for `ClientSettings.session_wait_seconds`.

        Raises:
            StreamError: `destination_unavailable`, because no session was opened in time.
        """
        limit = self._settings.session_wait_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(limit), self._session_opened:
                while self._session is None or self._session.is_over:
                    await self._session_opened.wait()
                return self._session
        except TimeoutError:
            raise StreamError(ProxyStatus("destination_unavailable")) from None

    @contextlib.asynccontextmanager
    async def open_stream(self, target: Target, first_bytes: bytes = b"") -> AsyncIterator[TunnelStream]:
        """A stream to `target` for the length of the block; `first_bytes` travel with the request.

        Raises:
            StreamError: there is no session, or the egress refused or took too long (with its `ProxyStatus`).
        """
        session = await self.session()
        try:
            async with asyncio.timeout(self._settings.stream_open_seconds):
                stream = await session.connect(target, first_bytes)
        except TimeoutError:
            raise StreamError(ProxyStatus("connection_timeout")) from None
        try:
            yield stream
        finally:
            session.release(stream)

    # --- one session -------------------------------------------------------------------------
    async def _connect(self, dialer: Dialer) -> _Connection:
        """Dial a first link, and open a session over it. Raises `RendezvousError`, `LinkError` or `TunnelError`."""
        self._report(ClientStatus("looking", "asking the broker for a bridge"))
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load_tunnel), name="client-load-tunnel")
        first = await self._dial(dialer)
        watch = Stopwatch()
        try:
            await self._loading
            session, links = self._new_session(dialer, first)
            if session.begin():
                await self._publish(session)  # streams may be opened already, in the first flight
            await session.start()
            watch.lap("handshake")
            dialer.report_success(first)
            self._transports.succeeded()
            self._wrong_keys = 0
            self._report(status_of_session(first.transport, 1, {**first.seconds, **watch.parts}))
            await self._publish(session)
        except BaseException as error:
            self._session = None
            first.link.close("given up")
            if isinstance(error, TunnelError):
                self._transports.failed(time.monotonic())
                # a bridge's wrong key may be the host's own: then that bridge is the right one
                if first.endpoint or not isinstance(error, WrongKeyError):
                    dialer.report_failure(first)
            raise
        self._links = links
        links.start(session)
        return _Connection(session, links, first)

    async def _dial(self, dialer: Dialer) -> DialedLink:
        """A link by the first transport that is not known to be unusable. Raises `LinkError` or `RendezvousError`."""
        while True:
            transport = self._transports.choose(time.monotonic())
            try:
                return await dialer.dial(transport, on_answer=self._report_answer)
            except TransportError as error:
                self._transports.failed(time.monotonic(), is_unusable=error.is_unusable)
                if not error.is_unusable or self._transports.choose(time.monotonic()) == transport:
                    raise

    def _new_session(self, dialer: Dialer, first: DialedLink) -> tuple[ClientTunnel, LinkManager]:
        from freespan.client.link_manager import LinkManager
        from freespan.tunnel.client import ClientTunnel
        from freespan.tunnel.tickets import TicketJar

        # a ticket links two sessions: one through bridges must not be linked to one that shows the reader's address
        settings = self._settings.tunnel
        jar = self._ticket_jars.setdefault(first.transport, TicketJar(capacity=settings.client_tickets_max))
        links = LinkManager(dialer, first, lambda count: self._report_links(first.transport, count), self._settings)
        return ClientTunnel(self._invite.egress_key, links.bond, jar, settings), links

    async def _publish(self, session: ClientTunnel) -> None:
        """Give the session to those who wait for one."""
        self._session = session
        async with self._session_opened:
            self._session_opened.notify_all()

    async def _stay(self, connection: _Connection) -> bool:
        """Wait until the session ends; false after a short one, and a pause.

        A host that was restarted has proved that it is there again, and that no bridge is to blame.
        """
        from freespan.link.bond import RESTARTED

        session, links = connection.session, connection.links
        since = time.monotonic()
        try:
            reason = await session.wait_ended()
        finally:
            self._session = None
            session.close("the client is stopping")
            await links.stop()
            if links.has_led_nowhere:
                self._transports.leave(connection.first.requested, time.monotonic())
        if reason == RESTARTED:
            self._report(ClientStatus("looking", HOST_RESTARTED))
            return True
        self._report(ClientStatus("looking", f"the session ended ({reason}); looking for another bridge"))
        if time.monotonic() - since >= self._settings.steady_seconds:
            self._backoff.succeeded()
            return True
        await asyncio.sleep(self._backoff.failed())
        return False

    async def _wait_after(self, error: FreespanError) -> None:
        """Back off after a failure; raises it when trying again cannot help.

        A wrong key may be the trick of one bridge, so others are tried; several in a row are reported as `failed`.
        """
        if isinstance(error, RendezvousError) and not error.retry:
            self._report(ClientStatus("failed", str(error)))
            raise error
        self._wrong_keys += isinstance(error, WrongKeyError)
        after = error.after if isinstance(error, RendezvousError) else None
        wait = self._backoff.failed(after or 0.0)
        if self._wrong_keys >= self._settings.wrong_keys_max:
            self._report(ClientStatus("failed", str(error)))
        else:
            self._report(ClientStatus("waiting", f"{error}; next try in {wait:.0f} s"))
        await asyncio.sleep(wait)

    # --- status ------------------------------------------------------------------------------
    def _report_answer(self) -> None:
        self._report(ClientStatus("connecting", "a bridge answered; opening the session"))

    def _report_links(self, transport: TransportInUse, links: int) -> None:
        """The session goes on, whether it has links or waits for one."""
        if self._session is not None and not self._session.is_over:
            self._report(status_of_session(transport, links))

    def _report(self, status: ClientStatus) -> None:
        self.status = status
        self._on_status(status)


def _load_tunnel() -> None:
    """Loading QUIC and its cryptography takes a tenth of a second, which the way to the broker and back takes too."""
    import freespan.client.link_manager  # noqa: F401
