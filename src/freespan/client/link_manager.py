"""Keeps a session supplied with links: asks for the key to join, fetches links, and replaces those that leave."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from freespan.client.dialer import DialedLink, Dialer, TransportError
from freespan.client.lanes.manager import LaneManager
from freespan.client.lanes.signalling import LaneSignalling
from freespan.client.link_demand import LinkDemand
from freespan.client.transports import TransportSelector
from freespan.link.bond import Bond, BondEvent, Joinable, LinkClosed, LinkJoined, LinkSuspected, SessionKey
from freespan.tunnel.client import ClientTunnel
from freespan.wire.backoff import Backoff
from freespan.wire.bond_frames import KEY_PATH, SESSION_ID_SIZE
from freespan.wire.errors import FreespanError, LinkError, RendezvousError
from freespan.wire.limits import (
    BOND_LINKS_MAX,
    EXTRA_LINK_SECONDS,
    HANDSHAKE_SECONDS,
    SESSION_WAIT_SECONDS,
    STEADY_SECONDS,
)

_KEY_SIZE = 32
_LOOK_SECONDS = 1.0
_URGENT_SECONDS = 5.0
"""A session without a link asks so often, or as often as the broker wants."""
_SHOWS_NO_MORE = {
    "webrtc": {"webrtc"},
    "turn": {"webrtc", "turn"},
    "front": {"front"},
    "websocket": {"front", "websocket"},
}
"""By which transports a further link may come, for each by which a session began: the host must not learn the address of a
reader who began without telling it."""
_log = logging.getLogger(__name__)


@dataclass
class _Member:
    """A bridge of the session: the first link to it. Its lanes are the keeper's."""

    found: DialedLink
    since: float
    joined: bool = False
    suspect: bool = False


class LinkManager:
    """The links of one session. `on_change` is called with how many links carry it.

    A session keeps to its transport. When nothing is to be had there for as long as the bond waits, it ends, and the client
    begins anew by the transport that comes next; sooner where no bridge could help, or where none is needed.
    """

    def __init__(
        self, links: Dialer, transports: TransportSelector, found: DialedLink, on_change: Callable[[int], None]
    ) -> None:
        self.bond = Bond.open(found.link, self._on_bond_event)
        self._lanes = LaneManager(self.bond)
        self._now = asyncio.get_running_loop().time
        self._links = links
        self._transports = transports
        self._first = found
        self._on_change = on_change
        self._takes_bridges = found.tried != "websocket"
        self._supply = LinkDemand() if self._takes_bridges else LinkDemand(1, 1)
        self._members = {0: _Member(found, self._now(), joined=True)}
        self._told = 1
        self._alone_since = self._now()
        self._news = asyncio.Event()
        self._was_refused = False
        self._is_barred = False
        self._urgent = Backoff(random.random, longest=_URGENT_SECONDS)
        self._spare = Backoff(random.random, longest=EXTRA_LINK_SECONDS)
        self._carried = 0
        self._session: ClientTunnel | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, session: ClientTunnel) -> None:
        """LinkDemand the session from now on."""
        self._session = session
        self._task = asyncio.create_task(self._supply_session(session), name="client-manager")

    async def stop(self) -> None:
        """LinkDemand it no more, and wait until the goodbye of a closed session has left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lanes.stop()
        if self._is_barred and self._is_alone and self._transports.choose(self._now()) == self._first.tried:
            self._transports.failed(self._now(), closed=True)  # all that time it led nowhere
        await self.bond.wait_closed()

    # --- the task --------------------------------------------------------------------------------
    async def _supply_session(self, session: ClientTunnel) -> None:
        """Whatever goes wrong here ends the session, or it would die with its links and nobody would know why."""
        try:
            await self._get_key(session)
            async with asyncio.TaskGroup() as group:
                looking = group.create_task(self._look(), name="client-manager-look")
                await self._keep_links(session)
                looking.cancel()
        except Exception as error:
            place = _place_of(error)
            _log.error("the supply of links broke: %s in %s, line %d", *place)
            session.close("an internal error")

    async def _get_key(self, session: ClientTunnel) -> None:
        """Until it has come the session lives on its first link."""
        while not session.is_over:
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    raw = await session.get(KEY_PATH, SESSION_ID_SIZE + _KEY_SIZE)
            except (TimeoutError, FreespanError):
                await self._wait_for_news(self._spare.failed())
                continue
            self.bond.set_key(SessionKey(raw[:SESSION_ID_SIZE], raw[SESSION_ID_SIZE:]))
            self._spare.succeeded()
            return

    async def _keep_links(self, session: ClientTunnel) -> None:
        """Until the session is over, or the host has said that there will be no more."""
        final: RendezvousError | None = None
        while not session.is_over:
            if self._was_refused:
                self._was_refused = False
                await self._pause(LinkError("a link did not join"))
            elif final is not None and self._is_alone:
                session.close(str(final))
            elif final is None and self.bond.is_joinable and self._wanted > 0:
                try:
                    await self._fetch()
                except (LinkError, RendezvousError) as error:
                    if isinstance(error, RendezvousError) and not error.retry:
                        final = error
                    elif self._is_given_up(error):
                        session.close("the host cannot be reached any more")
                    else:
                        await self._pause(error)
            else:
                self._let_go()
                await self._wait_for_news()

    # --- events of the bond --------------------------------------------------------------------
    def _on_bond_event(self, event: BondEvent) -> None:
        match event:
            case Joinable():
                self._news.set()
            case LinkJoined(link):
                self._link_joined(link)
            case LinkSuspected(link):
                self._link_suspected(link)
            case LinkClosed(link, reason):
                self._link_closed(link, reason)

    def _link_joined(self, link: int) -> None:
        if link not in self._members:
            return
        self._members[link].joined = True
        self._urgent.succeeded()
        self._spare.succeeded()
        self._tell()

    def _link_suspected(self, link: int) -> None:
        """A replacement is fetched before it is known whether that one will recover."""
        if link in self._members:
            self._members[link].suspect = True
        self._tell()

    def _link_closed(self, link: int, reason: str) -> None:
        _log.info("a link ended: %s", reason)
        if self._lanes.ended(link):
            return
        member = self._members.pop(link, None)
        is_over = self._session is not None and self._session.is_over
        if member is not None and not is_over and self._now() - member.since < STEADY_SECONDS:
            self._links.pass_over(member.found)  # lest bridges that leave keep all busy
            self._was_refused |= not member.joined
        self._tell()

    def _tell(self) -> None:
        count = len(self._carrying)
        if count != self._told:
            if not count:
                self._alone_since = self._now()
            self._told = count
            self._on_change(count)
        self._news.set()

    # --- links -----------------------------------------------------------------------------------
    @property
    def _carrying(self) -> dict[int, _Member]:
        return {number: one for number, one in self._members.items() if one.joined and not one.suspect}

    @property
    def _is_alone(self) -> bool:
        return not self._carrying

    @property
    def _wanted(self) -> int:
        """How many links more there should be; below 0, how many fewer."""
        return self._supply.wanted - sum(not one.suspect for one in self._members.values())

    async def _fetch(self) -> None:
        """Add one link. Raises `LinkError` or `RendezvousError`."""
        in_use = [one.found.bridge for one in self._members.values()]
        found = await self._links.open(self._first.tried, lambda: None, in_use, spare=not self._is_alone)
        if found.transport not in _SHOWS_NO_MORE[self._first.transport]:
            found.link.close("not by this transport")
            self._links.avoid(found)
            raise TransportError("nothing leads to the host by the transport of this session")
        try:
            number = self.bond.add(found.link)
        except LinkError:
            found.link.close("not needed any more")
            raise
        self._is_barred = False
        self._members[number] = _Member(found, self._now())

    def _is_given_up(self, error: FreespanError) -> bool:
        """Note that there was no link; true when the session has none left to wait for."""
        if not self._is_alone or not isinstance(error, TransportError):
            return False
        self._is_barred = True
        # a bridge may yet come, but where none could help there is nothing to wait for
        waits_in_vain = error.closed or not self._takes_bridges
        return waits_in_vain and self._now() - self._alone_since >= SESSION_WAIT_SECONDS

    def _let_go(self) -> None:
        """Give back the slowest of the links that are more than wanted."""
        while self._wanted < 0:
            carrying = self._carrying
            links = {link.number: link for link in self.bond.report().links}
            rates = {
                number: sum(links[one].rate for one in (number, *self._lanes.lanes_of(number)) if one in links)
                for number in carrying
                if number in links
            }
            if not rates:
                return
            slowest = min(rates, key=lambda number: (rates[number], -links[number].min_rtt))
            del self._members[slowest]
            self._lanes.forget(slowest)
            self.bond.remove(slowest)
            self._tell()

    # --- time ------------------------------------------------------------------------------------
    async def _pause(self, error: FreespanError) -> None:
        """Wait before the next try as long as the broker asks for; longer where nothing hurries.

        Whoever loses the last link meanwhile is as one who has just come, and need not wait.
        """
        was_alone = self._is_alone
        asked = error.after or 0.0 if isinstance(error, (RendezvousError, TransportError)) else 0.0
        now = self._now()
        earliest, until = now + asked, now + (self._urgent if was_alone else self._spare).failed(asked)
        while self._now() < until:
            if not await self._wait_for_news(until - self._now()):
                return
            if self._is_alone and not was_alone:
                return
            until = earliest

    async def _wait_for_news(self, seconds: float | None = None) -> bool:
        """False when there was none for so long."""
        self._news.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        """See every second what was carried, and which links have come to themselves."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            packets = {number: await door.packet_rtt() for number, door in self._doors().items()}
            links = self.bond.report().links
            for link in links:
                member = self._members.get(link.number)
                if member is not None and member.suspect and link.state != "suspected":
                    member.suspect = False
                    self._tell()
            carried = sum(link.bytes_sent + link.bytes_received for link in links)
            rate = max(0, carried - self._carried) / _LOOK_SECONDS
            self._carried = carried
            before = self._supply.wanted
            self._supply.carried(rate, len(self._carrying), self._now())
            if self._supply.wanted != before:
                self._news.set()
            room = BOND_LINKS_MAX - max(self._supply.wanted, len(self._members))
            self._lanes.look(links, self._doors(), packets, room, self._now())

    def _doors(self) -> dict[int, LaneSignalling]:
        """The doors to the bridges of the session that have one, by first links."""
        return {number: one.found.door for number, one in self._members.items() if one.found.door is not None}


def _place_of(error: BaseException) -> tuple[str, str, int]:
    """What broke, and where; not what it says, which might tell what went through."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, place.name, place.lineno or 0
