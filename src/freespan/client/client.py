"""Keeps a session open: dials a link to the egress, opens a session over it, and starts again when it ends.

looking ──▶ connecting ──▶ open ◀──▶ waiting (no link is left)
   │            │            └──────────┴── the session ends ──▶ looking
   │            │
   ├────────────┴── no bridge, no answer, no session ──▶ waiting (for the next try) ──▶ looking
   │            └── several wrong keys in a row      ──▶ failed  (for the next try) ──▶ looking
   └── the host refuses for good, or ends the session ──▶ failed, and `run` raises
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from freespan.client.dialer import DialedLink, Dialer, keeps_to_default_route
from freespan.client.evidence import Evidence
from freespan.client.http_session import http_session
from freespan.client.lent_stream import LentStream
from freespan.client.patience import Patience
from freespan.client.rendezvous import load_sealing
from freespan.client.settings import ClientSettings
from freespan.client.sleep_watch import SleepWatch
from freespan.client.status import (
    ASLEEP,
    HOST_RESTARTED,
    RESTARTED,
    WITHOUT_BRIDGE,
    ClientStatus,
    Trouble,
    proxy_status_of,
    status_of_failure,
    status_of_session,
    trouble_of,
)
from freespan.client.stopwatch import Stopwatch
from freespan.client.transports import TransportChoice, TransportError, TransportInUse, TransportSelector
from freespan.link.default_route import default_routes, usable_versions
from freespan.link.sleepless_clock import sleepless_clock
from freespan.wire.addresses import is_private_url
from freespan.wire.admission import INVITE_SESSIONS
from freespan.wire.backoff import Backoff
from freespan.wire.errors import (
    FreespanError,
    HostFullError,
    LinkError,
    NotAdmittedError,
    RendezvousError,
    StreamError,
    TunnelError,
    WrongKeyError,
)
from freespan.wire.invite import Invite
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.span_text import span_text
from freespan.wire.target import Target, is_loopback

if TYPE_CHECKING:
    from freespan.client.link_manager import LinkManager
    from freespan.tunnel.client import ClientTunnel
    from freespan.tunnel.stream import TunnelStream
    from freespan.tunnel.tickets import TicketJar

_SENDS_ON = WITHOUT_BRIDGE - {"no_reachable_bridge"}
"""Without a bridge for these reasons, whoever has said yes goes without one."""
_HINT_AFTER = 3
"""Failures in a row after which a reader who is kept on bridges is told what else they could choose."""


@dataclass(frozen=True)
class _Connection:
    """An open session, the links that carry it, and the first one of them."""

    tunnel: ClientTunnel
    links: LinkManager
    first_link: DialedLink


class Client:
    """Run `run` in a task; cancelling it closes everything. `open_stream` and `tunnel` wait for an open session.

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
        self._host_is_private = is_private_url(invite.broker)
        self._on_status = on_status
        self._settings = settings = settings or ClientSettings()
        self._evidence = Evidence(
            networks_min=settings.bridge_networks_min,
            stun_servers_min=settings.silent_stun_servers_min,
            seconds=settings.reorder_seconds,
        )
        self._has_choice = transport == "auto"
        self._transports = TransportSelector(
            transport,
            bridge_tries=settings.bridge_tries,
            reset_seconds=settings.reorder_seconds,
            may_expose=lambda now: settings.allow_direct or self._evidence.is_enough(now),
        )
        # A TURN server is at the host's address: whoever wants `webrtc` alone does not want to be seen there.
        self._allow_turn = transport != "webrtc"
        self._backoff = Backoff(
            random.random, first=settings.first_retry_seconds, longest=settings.longest_retry_seconds
        )
        self._wrong_keys = 0
        self._failures = 0
        self._trouble: Trouble | None = None
        """Why there is no link now."""
        self._waits_since = 0.0
        """When the wait for a link began, in seconds since 1970; 0 while there is one."""
        self._waits_since_monotonic = 0.0
        self._slept = Trouble("", "")
        self._slept_at = -math.inf
        self._patience = Patience()
        self._has_ended = False
        self._crowded_since: float | None = None
        """Since when all sessions of the invite have been in use."""
        self._tunnel: ClientTunnel | None = None
        self._tunnel_opened = asyncio.Condition()
        self._links: LinkManager | None = None
        self._ticket_jars: dict[TransportInUse, TicketJar] = {}
        self._loading: asyncio.Task[None] | None = None
        self.status = ClientStatus("looking")

    async def run(self) -> None:
        """Keep a session open until cancelled. Raises `FreespanError` when trying again cannot help."""
        keeps_to_route = keeps_to_default_route(self._invite, self._settings)
        async with http_session(usable_versions(default_routes()) if keeps_to_route else (4, 6)) as http:
            dialer = Dialer(
                http,
                self._invite,
                self._settings,
                allow_turn=self._allow_turn,
                evidence=self._evidence if self._has_choice else None,
            )
            watching = asyncio.create_task(self._watch_sleep(), name="client-sleep")
            try:
                while True:
                    try:
                        connection = await self._connect(dialer)
                    except (NotAdmittedError, RendezvousError, LinkError, TunnelError) as error:
                        await self._wait_after_failure(error)
                    else:
                        opened_at = time.monotonic()
                        reason = await self._wait_ended(connection)
                        if connection.tunnel.denial is not None:
                            self._give_up(connection.tunnel.denial)
                        await self._wait_after_session(dialer, connection, reason, time.monotonic() - opened_at)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                self._has_ended = True
                await self._announce()
                await dialer.close()

    # --- for programs ------------------------------------------------------------------------
    async def tunnel(self, seconds: float | None = None) -> ClientTunnel:
        """The tunnel of the open session; waits for one, by default for `ClientSettings.session_wait_seconds`.

        Raises:
            StreamError: `destination_unavailable`, because no session was opened in time, or none will be.
        """
        limit = self._settings.session_wait_seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(limit), self._tunnel_opened:
                while self._tunnel is None or self._tunnel.is_over:
                    if self._has_ended or self.status.state == "failed":
                        raise self.no_session()
                    await self._tunnel_opened.wait()
                return self._tunnel
        except TimeoutError:
            raise self.no_session() from None

    def no_session(self) -> StreamError:
        """Why a stream cannot be opened now, or was not answered: there is no session, or no link that carries it."""
        now = Trouble(self.status.cause, self.status.reason)
        return StreamError(proxy_status_of(now if now.code else self._trouble or now))

    @property
    def is_carried(self) -> bool:
        """Whether there is a session, and a link that carries it."""
        return self._tunnel is not None and not self._tunnel.is_over and self.status.state != "waiting"

    async def lend_stream(self, target: Target, first_bytes: bytes = b"") -> LentStream:
        """A stream to `target`; `first_bytes` travel with the request.

        While the session has no link, the request waits with it, and the time in which the egress must answer stands
        still.

        Raises:
            StreamError: there is no session, or the egress refused or took too long (with its `ProxyStatus`). Or the
                target is a loopback address and the host is on the open internet: whatever asks for that means this
                machine, and a page could tell by the time that the egress takes that there is one.
        """
        if is_loopback(target.host) and not self._host_is_private:
            raise StreamError(ProxyStatus("destination_ip_prohibited"))
        tunnel = await self.tunnel()
        try:
            async with self._patience.limit(self._settings.stream_open_seconds):
                stream = await tunnel.connect(target, first_bytes)
        except TimeoutError:
            raise StreamError(ProxyStatus("connection_timeout")) from None
        except StreamError:
            if tunnel.is_over:  # the egress has not answered: it is no matter of the site
                await self.settle()
                raise self.no_session() from None
            raise
        return LentStream(stream, functools.partial(tunnel.release, stream))

    @contextlib.asynccontextmanager
    async def open_stream(self, target: Target, first_bytes: bytes = b"") -> AsyncIterator[TunnelStream]:
        """The stream of `lend_stream` for the length of the block."""
        lent = await self.lend_stream(target, first_bytes)
        try:
            yield lent.stream
        finally:
            lent.release()

    async def settle(self) -> None:
        """Wait until a session that has just ended shows in `status`."""
        while self._tunnel is not None and self._tunnel.is_over:
            await asyncio.sleep(0.01)

    # --- one session -------------------------------------------------------------------------
    async def _connect(self, dialer: Dialer) -> _Connection:
        """Dial a first link, and open a session over it.

        That a full host refuses the session, or that it does not admit the invite, is no evidence that bridges are
        blocked. Raises `NotAdmittedError`, `RendezvousError`, `LinkError` or `TunnelError`.
        """
        self._set_status(ClientStatus("looking", "asking the broker for a bridge"))
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load_tunnel), name="client-load-tunnel")
        first_link = await self._dial(dialer)
        watch = Stopwatch()
        try:
            await self._loading
            tunnel, links = self._new_tunnel(dialer, first_link)
            if tunnel.begin():
                await self._publish(tunnel)  # streams may be opened already, in the first flight
            await tunnel.start()
            watch.lap("handshake")
            dialer.report_success(first_link)
            self._transports.succeeded()
            self._wrong_keys = self._failures = 0
            self._crowded_since = None
            self._is_carried_again()
            self._set_status(status_of_session(first_link.transport, 1, {**first_link.seconds, **watch.parts}))
            await self._publish(tunnel)
        except BaseException as error:
            self._tunnel = None
            first_link.link.close("given up")
            if isinstance(error, HostFullError):
                # neither bridge nor endpoint is to blame; but the host may be full for those who come by this one alone
                dialer.report_short_lived(first_link)
            elif isinstance(error, TunnelError):
                self._transports.failed(time.monotonic())
                # a bridge's wrong key may be the host's own: then that bridge is the right one
                if first_link.endpoint or not isinstance(error, WrongKeyError):
                    dialer.report_failure(first_link)
                    if first_link.requested == "webrtc":
                        self._evidence.bridge_failed(first_link.networks, time.monotonic())
            raise
        self._links = links
        links.start(tunnel)
        return _Connection(tunnel, links, first_link)

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
            except RendezvousError as error:
                # that no bridge is free speaks for nothing, but whoever has said yes need not wait for one
                if self._settings.allow_direct and error.code in _SENDS_ON:
                    self._transports.failed(time.monotonic())
                raise

    def _new_tunnel(self, dialer: Dialer, first_link: DialedLink) -> tuple[ClientTunnel, LinkManager]:
        from freespan.client.admission import InviteAdmission
        from freespan.client.link_manager import LinkManager
        from freespan.tunnel.client import ClientTunnel
        from freespan.tunnel.tickets import TicketJar

        settings, transport = self._settings, first_link.transport
        admission = InviteAdmission(self._invite)
        links = LinkManager(
            dialer,
            first_link,
            lambda count: self._report_links(transport, count),
            settings,
            admission,
            lambda error: self._report_trouble(transport, error),
        )
        # a ticket links two sessions: one through bridges must not be linked to one that shows the reader's address
        jar = self._ticket_jars.setdefault(transport, TicketJar(capacity=settings.tunnel.client_tickets_max))
        return ClientTunnel(self._invite.egress_key, links.bond, jar, settings.tunnel), links

    async def _publish(self, tunnel: ClientTunnel) -> None:
        """Give the tunnel to those who wait for one."""
        self._tunnel = tunnel
        await self._announce()

    async def _announce(self) -> None:
        """Wake those who wait for a session: there is one, or none will come."""
        async with self._tunnel_opened:
            self._tunnel_opened.notify_all()

    async def _wait_ended(self, connection: _Connection) -> str:
        """Wait until the session ends, and close what belongs to it. Returns the reason, a phrase for a person."""
        try:
            reason = await connection.tunnel.wait_ended()
            if connection.tunnel.denial is not None:  # at once: programs that lose their streams now may ask why
                self._set_status(_failed(connection.tunnel.denial))
            else:
                self._set_status(self._status_after(reason))
            return reason
        finally:
            self._tunnel = None
            connection.tunnel.close("the client is stopping")
            await connection.links.stop()
            self._links = None
            if connection.links.has_led_nowhere:
                self._transports.leave(connection.first_link.requested, time.monotonic())

    async def _wait_after_session(self, dialer: Dialer, connection: _Connection, reason: str, seconds: float) -> None:
        """Back off after a session that lasted only for a short time, and blame its bridge or endpoint.

        A host that was restarted has proved that it is there again, and that no bridge is to blame.
        """
        from freespan.link.bond.events import RESTARTED as HAS_RESTARTED
        from freespan.tunnel.driver import HOST_FULL

        if reason == HAS_RESTARTED:
            return
        if seconds >= self._settings.steady_seconds:
            self._backoff.succeeded()
            return
        if reason != HOST_FULL:  # for which neither bridge nor endpoint is to blame
            dialer.report_short_lived(connection.first_link)
        await asyncio.sleep(self._backoff.failed())

    def _status_after(self, reason: str) -> ClientStatus:
        """The status when a session has ended for this reason."""
        from freespan.link.bond.events import NO_LINK
        from freespan.link.bond.events import RESTARTED as HAS_RESTARTED

        if reason == HAS_RESTARTED:
            return ClientStatus("looking", HOST_RESTARTED, reason=HOST_RESTARTED, cause=RESTARTED)
        trouble = self._recent_sleep or (self._trouble if reason == NO_LINK else None) or Trouble("", "")
        why = trouble.reason or reason
        ended = f"the session ended ({why})"
        return ClientStatus("looking", f"{ended}; looking for another bridge", reason=ended, cause=trouble.code)

    async def _wait_after_failure(self, error: FreespanError) -> None:
        """Back off after a failure; raises it when trying again cannot help.

        A wrong key may be the trick of one bridge, so others are tried. Several are reported as `failed`, however many
        attempts in between have opened no session at all.
        """
        if self._is_final(error):
            self._give_up(error)
        after = error.after if isinstance(error, RendezvousError) else None
        wait = self._backoff.failed(after or 0.0)
        is_wrong_key = isinstance(error, WrongKeyError)
        self._wrong_keys += is_wrong_key
        if not isinstance(error, NotAdmittedError):  # for which no bridge is to blame, and no other way would do
            self._failures += 1
        is_kept = self._failures >= _HINT_AFTER and self._transports.is_kept(time.monotonic())
        self._is_without_link(trouble_of(error))
        if is_wrong_key and self._wrong_keys >= self._settings.wrong_keys_max:
            self._set_status(_failed(error))
            await self._announce()
        else:
            self._set_status(
                status_of_failure(
                    trouble_of(error),
                    wait,
                    is_kept_on_bridges=is_kept,
                    since=self._waits_since,
                    waited=self._waited,
                )
            )
        await asyncio.sleep(wait)

    def _is_final(self, error: FreespanError) -> bool:
        """Whether trying again cannot help. The sessions that use up an invite may be this client's own of before."""
        if isinstance(error, NotAdmittedError | RendezvousError) and error.code == INVITE_SESSIONS:
            now = time.monotonic()
            self._crowded_since = self._crowded_since or now
            return now - self._crowded_since >= self._settings.crowded_seconds
        return isinstance(error, NotAdmittedError) or (isinstance(error, RendezvousError) and not error.retry)

    def _give_up(self, error: FreespanError) -> NoReturn:
        self._set_status(_failed(error))
        raise error

    # --- waiting -----------------------------------------------------------------------------
    def _is_without_link(self, trouble: Trouble | None) -> None:
        """No link carries a session: requests wait, and their time does not pass."""
        self._trouble = trouble or self._trouble
        self._patience.pause()
        if not self._waits_since:
            self._waits_since, self._waits_since_monotonic = time.time(), time.monotonic()

    def _is_carried_again(self) -> None:
        self._trouble = None
        self._waits_since = 0.0
        self._patience.resume()

    @property
    def _waited(self) -> float:
        """For how many seconds there has been no link."""
        return time.monotonic() - self._waits_since_monotonic if self._waits_since else 0.0

    @property
    def _recent_sleep(self) -> Trouble | None:
        return self._slept if time.monotonic() - self._slept_at < self._settings.sleep_told_seconds else None

    async def _watch_sleep(self) -> None:
        settings = self._settings
        watch = SleepWatch(settings.sleep_tick_seconds, settings.sleep_least_seconds)
        while True:
            if slept := watch.tick(sleepless_clock()):
                self._slept = Trouble(ASLEEP, f"this machine was asleep for {span_text(slept)}")
                self._slept_at = time.monotonic()
            await asyncio.sleep(settings.sleep_tick_seconds)

    # --- status ------------------------------------------------------------------------------
    def _report_answer(self) -> None:
        self._set_status(ClientStatus("connecting", "a bridge answered; opening the session"))

    def _report_links(self, transport: TransportInUse, links: int) -> None:
        """The session goes on, whether it has links or waits for one."""
        if self._tunnel is None or self._tunnel.is_over:
            return
        if links:
            self._is_carried_again()
            self._set_status(status_of_session(transport, links))
        else:
            self._is_without_link(self._recent_sleep)
            self._report_wait(transport)

    def _report_trouble(self, transport: TransportInUse, error: FreespanError) -> None:
        """The session could not get a link."""
        if self._tunnel is not None and not self._tunnel.is_over and self._waits_since:
            self._is_without_link(trouble_of(error))
            self._report_wait(transport)

    def _report_wait(self, transport: TransportInUse) -> None:
        self._set_status(
            status_of_session(transport, 0, trouble=self._trouble, since=self._waits_since, waited=self._waited)
        )

    def _set_status(self, status: ClientStatus) -> None:
        self.status = status
        self._on_status(status)


def _failed(error: FreespanError) -> ClientStatus:
    trouble = trouble_of(error)
    return ClientStatus("failed", trouble.reason, reason=trouble.reason, cause=trouble.code)


def _load_tunnel() -> None:
    """Import QUIC and its cryptography. That takes a tenth of a second, so it is done while the broker is asked.

    What the request to the broker is sealed with comes first.
    """
    load_sealing()
    import freespan.client.admission
    import freespan.client.link_manager  # noqa: F401
