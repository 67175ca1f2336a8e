"""Keeps a session supplied with links: asks for the key to join, fetches bridges, and replaces those that leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable

from freespan.client.links import FoundLink, Links, RoadError
from freespan.client.roads import Road, Roads
from freespan.client.supply import Supply
from freespan.link.bond import Bond, SessionKey
from freespan.tunnel.client import ClientSession
from freespan.wire.backoff import Backoff
from freespan.wire.bond_frames import KEY_PATH, SESSION_ID_SIZE
from freespan.wire.errors import FreespanError, LinkError, RendezvousError
from freespan.wire.limits import BOND_LINGER_SECONDS, HANDSHAKE_SECONDS, STEADY_SECONDS

_KEY_SIZE = 32
_LOOK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Pool:
    """The links of one session; a `BondWatcher`. `on_change` is called with how many links carry it.

    A session that began through bridges stays with bridges: one that also came from the reader's own address would tell
    the host whose it is. When no bridge can be reached any more it ends, and the client begins anew by another road.
    """

    def __init__(self, links: Links, roads: Roads, found: FoundLink, on_change: Callable[[int], None]) -> None:
        self.bond = Bond.open(found.link, self)
        self._links = links
        self._roads = roads
        self._on_change = on_change
        self._supply = Supply() if found.bridge else Supply(1, 1)
        self._through_bridges = bool(found.bridge)
        self._found: dict[int, FoundLink] = {0: found}
        self._since: dict[int, float] = {0: time.monotonic()}
        self._news = asyncio.Event()
        self._backoff = Backoff(random.random)
        self._carried = 0
        self._task: asyncio.Task[None] | None = None

    def start(self, session: ClientSession) -> None:
        """Supply the session from now on."""
        self._task = asyncio.create_task(self._supply_session(session), name="client-pool")

    async def stop(self) -> None:
        """Supply it no more, and wait until the goodbye of a closed session has left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * BOND_LINGER_SECONDS):
                await self.bond.wait_closed()

    async def _supply_session(self, session: ClientSession) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                raw = await session.get(KEY_PATH, SESSION_ID_SIZE + _KEY_SIZE)
        except (TimeoutError, FreespanError):
            return  # it lives on its one link
        self.bond.seal_with(SessionKey(raw[:SESSION_ID_SIZE], raw[SESSION_ID_SIZE:]))
        looking = asyncio.create_task(self._look(), name="client-pool-look")
        try:
            while not session.is_over:
                if self.bond.is_joinable and len(self._found) < self._supply.wanted:
                    await self._fetch(session)
                else:
                    self._let_go()
                    self._news.clear()
                    await self._news.wait()
        finally:
            looking.cancel()

    # --- BondWatcher ---------------------------------------------------------------------------
    def joinable(self) -> None:
        """See `BondWatcher`."""
        self._news.set()

    def link_joined(self, link: int) -> None:
        """See `BondWatcher`."""
        self._backoff.succeeded()
        self._on_change(len(self._found))

    def link_suspected(self, link: int) -> None:
        """See `BondWatcher`: a replacement is fetched before it is known whether that one will recover."""
        self._forget(link)

    def link_ended(self, link: int, reason: str) -> None:
        """See `BondWatcher`."""
        _log.info("a link ended: %s", reason)
        self._forget(link)

    def _forget(self, link: int) -> None:
        found = self._found.pop(link, None)
        if found is None:
            return
        if time.monotonic() - self._since.pop(link) < STEADY_SECONDS:
            self._links.pass_over(found)  # lest bridges that leave keep all busy
        self._on_change(len(self._found))
        self._news.set()

    # --- links -----------------------------------------------------------------------------------
    async def _fetch(self, session: ClientSession) -> None:
        """Add one link, or wait a while."""
        road = self._road(session)
        if road is None:
            return
        in_use = [found.bridge for found in self._found.values()]
        try:
            found = await self._links.open(road, lambda: None, in_use)
        except (LinkError, RendezvousError) as error:
            if isinstance(error, RoadError) and not self._found:
                self._roads.failed(time.monotonic(), closed=error.closed)
            await self._pause(error)
            return
        try:
            number = self.bond.add(found.link)
        except LinkError:
            found.link.close("not needed any more")
            await self._pause(None)
            return
        self._found[number], self._since[number] = found, time.monotonic()

    def _road(self, session: ClientSession) -> Road | None:
        road = self._roads.choose(time.monotonic())
        if (road == "websocket") == self._through_bridges:
            if not self._found:
                session.close("no bridge can be reached any more")
            return None if not self._found else ("webrtc" if self._through_bridges else "websocket")
        return road

    async def _pause(self, error: FreespanError | None) -> None:
        after = error.after if isinstance(error, RendezvousError) else None
        seconds = self._backoff.failed(after or 0.0)
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _look(self) -> None:
        """Tell the supply every second what was carried."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            links = self.bond.report().links
            carried = sum(link.bytes_sent + link.bytes_received for link in links)
            rate = max(0, carried - self._carried) / _LOOK_SECONDS
            self._carried = carried
            before = self._supply.wanted
            self._supply.carried(rate, len(self._found), time.monotonic())
            if self._supply.wanted != before:
                self._news.set()

    def _let_go(self) -> None:
        """Give back the slowest of the links that are more than wanted."""
        while len(self._found) > self._supply.wanted:
            reports = [link for link in self.bond.report().links if link.number in self._found]
            if not reports:
                return
            slowest = min(reports, key=lambda link: (link.rate, -link.round_trip))
            self._found.pop(slowest.number)
            self._since.pop(slowest.number)
            self.bond.remove(slowest.number)
