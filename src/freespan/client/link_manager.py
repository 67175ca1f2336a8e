"""Keeps one session supplied with links: it owns the bond, and does what `LinkController` decides.

Bond ── events ──▶ LinkManager ── what happened ──▶ LinkController (pure)
                       │      ◀── decision ─────────┘
                       ├── dial ────────▶ Dialer ── a link ──▶ Bond.add
                       ├── close a link ─▶ Bond.remove
                       └── every second ─▶ LaneManager, which opens and closes lanes
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import traceback
from collections.abc import Callable

from freespan.client.dialer import DialedLink, Dialer
from freespan.client.lanes.manager import LaneManager
from freespan.client.link_controller import Close, Dial, EndSession, LinkController, LinkFigures, Wait
from freespan.client.settings import ClientSettings
from freespan.client.transports import TransportError
from freespan.link.base import Link
from freespan.link.bond import Bond, BondEvent, Joinable, LinkClosed, LinkJoined, LinkSuspected, SessionKey
from freespan.tunnel.client import ClientTunnel
from freespan.wire.backoff import Backoff
from freespan.wire.bond_frames import KEY_PATH, SESSION_ID_SIZE
from freespan.wire.errors import FreespanError, LinkError, RendezvousError
from freespan.wire.limits import BOND_LINKS_MAX

_KEY_SIZE = 32
_NOT_NEEDED = "not needed any more"
_log = logging.getLogger(__name__)


class LinkManager:
    """The links of one session, which begins on `first`.

    `on_change` is called with the number of links that carry the session, when that changes. `bond` is the link of the
    session's tunnel; nobody else adds links to it or removes them.
    """

    def __init__(
        self, dialer: Dialer, first: DialedLink, on_change: Callable[[int], None], settings: ClientSettings
    ) -> None:
        self.bond = Bond.begin_session(first.link, self._on_event, settings.bond)
        self._dialer = dialer
        self._requested = first.requested
        self._on_change = on_change
        self._settings = settings
        self._now = asyncio.get_running_loop().time
        self._controller = LinkController(
            first.transport, first.bridge, first.requested, settings, random.random, self._now()
        )
        self._lanes = LaneManager(self, settings.lane_retry_seconds)
        self._links = {0: first}
        self._reported = 1
        self._bytes_carried = 0
        self._something_happened = asyncio.Event()
        self._session: ClientTunnel | None = None
        self._task: asyncio.Task[None] | None = None
        if first.lanes is not None:
            self._lanes.add_bridge(0, first.lanes)

    @property
    def has_led_nowhere(self) -> bool:
        """Whether the session has no link, and could not get one by its transport."""
        return self._controller.has_led_nowhere

    def start(self, session: ClientTunnel) -> None:
        """Supply the session from now on."""
        self._session = session
        self._task = asyncio.create_task(self._supply_session(session), name="client-links")

    async def stop(self) -> None:
        """Stop, and wait until the closing message of a closed session has left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lanes.stop()
        await self.bond.wait_closed()

    # --- the task ------------------------------------------------------------------------------
    async def _supply_session(self, session: ClientTunnel) -> None:
        """Any bug in here ends the session, or it would lose its links one by one with nobody knowing why."""
        try:
            await self._fetch_key(session)
            async with asyncio.TaskGroup() as group:
                observing = group.create_task(self._observe(), name="client-links-observe")
                await self._follow_controller(session)
                observing.cancel()
        except Exception as error:
            _log.error("supplying the session with links failed: %s in %s, line %d", *_place_of(error))
            session.close("an internal error")

    async def _fetch_key(self, session: ClientTunnel) -> None:
        """Get the key with which further links join. Until it has come, the session has its first link alone."""
        settings = self._settings
        backoff = Backoff(
            random.random, first=settings.first_retry_seconds, longest=settings.longest_extra_link_retry_seconds
        )
        while not session.is_over:
            try:
                async with asyncio.timeout(settings.tunnel.handshake_seconds):
                    raw = await session.get(KEY_PATH, SESSION_ID_SIZE + _KEY_SIZE)
            except (TimeoutError, FreespanError):
                await self._wait(self._now() + backoff.failed())
                continue
            self.bond.set_key(SessionKey(raw[:SESSION_ID_SIZE], raw[SESSION_ID_SIZE:]))
            return

    async def _follow_controller(self, session: ClientTunnel) -> None:
        """The one place where decisions are carried out."""
        while not session.is_over:
            match self._controller.next_decision(self._now(), is_joinable=self.bond.is_joinable):
                case Dial() as wanted:
                    await self._dial(wanted)
                case Close(link):
                    self._close(link)
                case EndSession(reason):
                    session.close(reason)
                case Wait(until):
                    await self._wait(until)

    async def _dial(self, wanted: Dial) -> None:
        try:
            dialed = await self._dialer.dial(self._requested, wanted.avoid, extra=wanted.extra)
            self._add(dialed)
        except (LinkError, RendezvousError) as error:
            self._controller.dial_failed(error, self._now())

    def _add(self, dialed: DialedLink) -> None:
        """Let a link join the bond. Raises `LinkError`."""
        if not self._controller.accepts(dialed.transport):
            dialed.link.close("not by this transport")
            self._dialer.report_failure(dialed)
            raise TransportError("the session's transport no longer leads to the host")
        try:
            number = self.bond.add(dialed.link)
        except LinkError:
            dialed.link.close(_NOT_NEEDED)
            raise
        self._links[number] = dialed
        self._controller.dialed(number, dialed.bridge, self._now())
        if dialed.lanes is not None:
            self._lanes.add_bridge(number, dialed.lanes)

    def _close(self, number: int) -> None:
        del self._links[number]
        self._lanes.remove_bridge(number)
        self.bond.remove(number)
        self._controller.forget(number, self._now())
        self._report_change()

    async def _wait(self, until: float | None) -> None:
        """Until something happens, or until this moment, if there is one."""
        self._something_happened.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._something_happened.wait()

    # --- what happens --------------------------------------------------------------------------
    def _on_event(self, event: BondEvent) -> None:
        match event:
            case Joinable():
                pass
            case LinkJoined(number):
                self._controller.link_joined(number)
            case LinkSuspected(number):
                self._controller.link_suspected(number, self._now())
            case LinkClosed(number, reason):
                _log.info("a link closed: %s", reason)
                self._on_closed(number)
        self._report_change()
        self._something_happened.set()

    def _on_closed(self, number: int) -> None:
        if self._lanes.lane_closed(number):
            return
        self._lanes.remove_bridge(number)
        dialed = self._links.pop(number, None)
        is_short_lived = self._controller.link_closed(number, self._now())
        is_over = self._session is not None and self._session.is_over
        if dialed is not None and is_short_lived and not is_over:
            self._dialer.report_short_lived(dialed)  # bridges that leave again at once must not keep everybody busy

    def _report_change(self) -> None:
        carrying = self._controller.carrying
        if carrying != self._reported:
            self._reported = carrying
            self._on_change(carrying)

    async def _observe(self) -> None:
        """Tell the controllers every second what the links have carried."""
        while True:
            await asyncio.sleep(self._settings.report_seconds)
            packet_rtts = await self._lanes.packet_rtts()
            reports = self.bond.stats().links
            carried = sum(link.bytes_sent + link.bytes_received for link in reports)
            rate = max(0, carried - self._bytes_carried) / self._settings.report_seconds
            self._bytes_carried = carried
            by_number = {link.number: link for link in reports}
            figures = {
                number: LinkFigures(
                    sum(by_number[one].rate for one in (number, *self._lanes.lanes_of(number)) if one in by_number),
                    by_number[number].min_rtt,
                    by_number[number].state == "suspected",
                )
                for number in self._links
                if number in by_number
            }
            self._controller.on_second(figures, rate, self._now())
            self._report_change()
            self._something_happened.set()
            self._lanes.update(reports, packet_rtts, BOND_LINKS_MAX - self._controller.reserved)

    # --- lanes (`LaneOwner`) -------------------------------------------------------------------
    def add_lane(self, lane: Link) -> int:
        """See `LaneOwner`."""
        return self.bond.add(lane)

    def remove_lane(self, number: int) -> None:
        """See `LaneOwner`."""
        self.bond.remove(number)


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """The error's class and where it was raised; not its text, which might contain what went through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, place.name, place.lineno or 0
