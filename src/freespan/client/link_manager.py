"""Keeps one session supplied with links: it owns the bond, and does what `LinkController` decides.

Bond ── events ──▶ LinkManager ── what happened ──▶ LinkController (pure)
                       │      ◀── decision ─────────┘
                       ├── dial ────────▶ Dialer ── a link ──▶ Bond.add
                       ├── close a link ─▶ Bond.remove
                       └── every second ─▶ LinkMeter, and LaneManager, which opens and closes lanes
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import traceback
from collections.abc import Callable, Mapping

from freespan.client.dialer import DialedLink, Dialer
from freespan.client.lanes.manager import LaneManager
from freespan.client.link_controller import Close, Dial, EndSession, LinkController, LinkFigures, Wait
from freespan.client.link_meter import LinkMeter
from freespan.client.settings import ClientSettings
from freespan.client.transports import TransportError
from freespan.link.base import Link
from freespan.link.bond.admission import Admission
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import BondEvent, Joinable, LinkClosed, LinkJoined, LinkSuspected
from freespan.link.bond.session_key import KEY_SIZE, SessionKey
from freespan.link.bond.stats import LinkStats
from freespan.observe.out_of_memory import check_memory
from freespan.tunnel.client import ClientTunnel
from freespan.wire.backoff import Backoff
from freespan.wire.bond_frames import KEY_PATH, SESSION_ID_SIZE
from freespan.wire.errors import FreespanError, LinkError, NotAdmittedError, RendezvousError, WrongKeyError
from freespan.wire.limits import BOND_LINKS_MAX

_NOT_NEEDED = "not needed any more"
_log = logging.getLogger(__name__)


class LinkManager:
    """The links of one session, which begins on `first_link`.

    `on_change` is called with the number of links that carry the session, when that changes, and `on_failure` when a
    link could not be dialed. `admission` is what it shows the host. `bond` is the link of the session's tunnel; nobody
    else adds links to it or removes them. What happens before `start` has an effect only then: a link that closes
    because no session was opened is the business of whoever wanted to open it.
    """

    def __init__(
        self,
        dialer: Dialer,
        first_link: DialedLink,
        on_change: Callable[[int], None],
        settings: ClientSettings,
        admission: Admission | None = None,
        on_failure: Callable[[FreespanError], None] = lambda error: None,
    ) -> None:
        self.bond = Bond.begin_session(first_link.link, self._on_event, settings.bond, admission)
        self._dialer = dialer
        self._requested = first_link.requested
        self._on_change = on_change
        self._on_failure = on_failure
        self._settings = settings
        self._now = asyncio.get_running_loop().time
        self._controller = LinkController(
            first_link.transport, first_link.bridge, first_link.requested, settings, random.random, self._now()
        )
        self._lane_manager = LaneManager(self, settings.lane_steps, settings.lane_retry_seconds)
        self._meter = LinkMeter(self._now())
        self._links = {0: first_link}
        self._reported = 1
        self._something_happened = asyncio.Event()
        self._early_events: list[BondEvent] = []
        self._tunnel: ClientTunnel | None = None
        self._task: asyncio.Task[None] | None = None
        if first_link.lane_signalling is not None:
            self._lane_manager.add_bridge(0, first_link.lane_signalling)

    @property
    def has_led_nowhere(self) -> bool:
        """Whether the session has no link, and could not get one by its transport."""
        return self._controller.has_led_nowhere

    def start(self, tunnel: ClientTunnel) -> None:
        """The session is open: supply it with links from now on."""
        self._tunnel = tunnel
        for event in self._early_events:
            self._handle(tunnel, event)
        self._early_events.clear()
        self._task = asyncio.create_task(self._supply_session(tunnel), name="client-links")

    async def stop(self) -> None:
        """Stop, and wait until the closing message of a closed session has left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None  # its last error refers to this manager
        await self._lane_manager.stop()
        await self.bond.wait_closed()
        self._on_change = self._on_failure = _ignore

    # --- the task ------------------------------------------------------------------------------
    async def _supply_session(self, tunnel: ClientTunnel) -> None:
        """Any bug in here ends the session, or it would lose its links one by one with nobody knowing why."""
        try:
            await self._fetch_key(tunnel)
            await self._run_both(tunnel)
        except Exception as error:
            check_memory(error)
            _log.error("supplying the session with links failed: %s in %s, line %d", *_place_of(error))
            tunnel.close("an internal error")

    async def _run_both(self, tunnel: ClientTunnel) -> None:
        """Follow the controller and observe, until the session ends or one of the two fails.

        It is no task group, which would refer to its own error when it is cancelled, and wait for the collector.
        """
        tasks = {
            asyncio.create_task(self._follow_controller(tunnel), name="client-links-follow"),
            asyncio.create_task(self._observe(), name="client-links-observe"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch_key(self, tunnel: ClientTunnel) -> None:
        """Get the key with which further links join. Until it has come, the session has its first link alone."""
        settings = self._settings
        backoff = Backoff(
            random.random, first=settings.first_retry_seconds, longest=settings.longest_extra_link_retry_seconds
        )
        while not tunnel.is_over:
            try:
                async with asyncio.timeout(settings.tunnel.handshake_seconds):
                    raw = await tunnel.get(KEY_PATH, SESSION_ID_SIZE + KEY_SIZE)
            except (TimeoutError, FreespanError):
                await self._wait(self._now() + backoff.failed())
                continue
            self.bond.set_key(SessionKey(raw[:SESSION_ID_SIZE], raw[SESSION_ID_SIZE:]))
            return

    async def _follow_controller(self, tunnel: ClientTunnel) -> None:
        """The one place where decisions are carried out."""
        while not tunnel.is_over:
            match self._controller.next_decision(self._now(), is_joinable=self.bond.is_joinable):
                case Dial() as wanted:
                    await self._dial(wanted)
                case Close(number):
                    self._close(number)
                case EndSession(reason):
                    tunnel.close(reason)
                case Wait(until):
                    await self._wait(until)

    async def _dial(self, wanted: Dial) -> None:
        try:
            dialed = await self._dialer.dial(self._requested, wanted.avoid, extra=wanted.extra)
            self._add(dialed)
        except (LinkError, RendezvousError) as error:
            self._on_failure(error)
            self._controller.dial_failed(error, self._now())
        except (NotAdmittedError, WrongKeyError) as error:  # the session goes on for as long as the egress lets it
            self._on_failure(error)
            self._controller.dial_failed(TransportError(str(error)), self._now())

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
        if dialed.lane_signalling is not None:
            self._lane_manager.add_bridge(number, dialed.lane_signalling)

    def _close(self, number: int) -> None:
        del self._links[number]
        self._lane_manager.remove_bridge(number)
        self.bond.remove(number)
        self._controller.closed_as_decided(number, self._now())
        self._report_change()

    async def _wait(self, until: float | None) -> None:
        """Until something happens, or until this moment, if there is one."""
        self._something_happened.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._something_happened.wait()

    # --- what happens --------------------------------------------------------------------------
    def _on_event(self, event: BondEvent) -> None:
        if self._tunnel is None:
            self._early_events.append(event)
        else:
            self._handle(self._tunnel, event)

    def _handle(self, tunnel: ClientTunnel, event: BondEvent) -> None:
        match event:
            case Joinable():
                pass  # wakes the task below, which then asks the controller with `is_joinable` true
            case LinkJoined(number):
                self._controller.link_joined(number)
            case LinkSuspected(number):
                self._controller.link_suspected(number, self._now())
            case LinkClosed(number, reason):
                _log.info("a link closed: %s", reason)
                self._on_closed(tunnel, number)
        self._report_change()
        self._something_happened.set()

    def _on_closed(self, tunnel: ClientTunnel, number: int) -> None:
        if self._lane_manager.lane_closed(number):
            return
        self._lane_manager.remove_bridge(number)
        dialed = self._links.pop(number, None)
        is_short_lived = self._controller.link_closed(number, self._now())
        if dialed is not None and is_short_lived and not tunnel.is_over:
            self._dialer.report_short_lived(dialed)  # bridges that leave again at once must not keep everybody busy

    def _report_change(self) -> None:
        carrying = self._controller.carrying
        if carrying != self._reported:
            self._reported = carrying
            self._on_change(carrying)

    async def _observe(self) -> None:
        """Report to the controllers every second what the links have carried."""
        while True:
            await asyncio.sleep(self._settings.report_seconds)
            ice_rtts = await self._lane_manager.ice_rtts()
            stats = {link.number: link for link in self.bond.stats().links}
            activity = self._meter.measure(list(stats.values()), self._now())
            self._controller.on_second(self._figures(stats), sum(link.rate for link in activity.values()), self._now())
            self._report_change()
            self._something_happened.set()
            self._lane_manager.update(stats, activity, ice_rtts, BOND_LINKS_MAX - self._controller.reserved)

    def _figures(self, stats: Mapping[int, LinkStats]) -> dict[int, LinkFigures]:
        """How the links to bridges do, each with all its lanes."""
        return {
            number: LinkFigures(
                sum(stats[one].rate for one in (number, *self._lane_manager.lanes_of(number)) if one in stats),
                stats[number].min_rtt,
                stats[number].state == "suspected",
            )
            for number in self._links
            if number in stats
        }

    # --- lanes (`LaneOwner`) -------------------------------------------------------------------
    def add_lane(self, lane: Link) -> int:
        """See `LaneOwner`."""
        return self.bond.add(lane)

    def remove_lane(self, number: int) -> None:
        """See `LaneOwner`."""
        self.bond.remove(number)


def _ignore(_: object) -> None:
    """The session is over."""


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """The error's class and where it was raised; not its text, which might contain what went through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, place.name, place.lineno or 0
