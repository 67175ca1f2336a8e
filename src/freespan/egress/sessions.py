"""The sessions of an egress. A link that arrives begins one, or joins one.

    link ──▶ first message ── HELLO ──▶ a new session, on a bond of this one link
                           └─ JOIN ───▶ the bond of its session, or a refusal that proves that the session is gone

A session is not tied to a link. It lives as long as its bond, which waits a while for a link when none is left. Until
its handshake is complete it belongs to nobody, and ends with its link.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from freespan.egress.bounds import (
    NETWORK_HOSTS,
    LinkPlaces,
    SessionPlaces,
    TurnedAway,
    WaitingSessions,
    WithoutHandshake,
)
from freespan.egress.origins import UNKNOWN, Origin, Origins
from freespan.egress.session import EgressSession, Handler
from freespan.egress.settings import EgressSettings
from freespan.link.base import Link
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.session_key import session_key
from freespan.link.turns import Group, Turns
from freespan.observe.ledger import Ledger
from freespan.sources.rate import RateBudgets
from freespan.tunnel.identity import Identity
from freespan.tunnel.tickets import TicketStore
from freespan.wire.bond_frames import SESSION_ENDED, SESSION_ID_SIZE, UNKNOWN_SESSION, Join
from freespan.wire.errors import LinkError, MessageError

LINK_COST = 20_000
"""What a link takes, beside its connection and what waits in it."""
_LINKS_PART = 0.25
"""The part of the memory that links may take without what waits in them."""
_EPOCH_SIZE = 4
"""The first bytes of a session's id name the run of the egress (its boot epoch) in which the session began."""


class _FullError(LinkError):
    """There is no room for a session now. The client reads so, and blames no bridge for it."""


class Sessions:
    """All sessions of one egress. `count` is called with +1 and -1 as established sessions begin and end."""

    def __init__(
        self,
        identity: Identity,
        handler: Handler,
        count: Callable[[int], None],
        settings: EgressSettings | None = None,
        origins: Origins | None = None,
        ledger: Ledger | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._ledger = ledger = ledger or Ledger()
        self._link_account = ledger.account(part=_LINKS_PART)
        self._identity = identity
        self._handler = handler
        self._count = count
        self._settings = settings = settings or EgressSettings()
        self._tickets = TicketStore(capacity=settings.tunnel.egress_tickets_max, account=ledger.account())
        self._secret = identity.derived(b"freespan bond")
        self._epoch = secrets.token_bytes(_EPOCH_SIZE)
        self._by_id: dict[bytes, EgressSession] = {}
        self._without_handshake = WithoutHandshake(settings)
        self._established = SessionPlaces(settings)
        self._waiting = WaitingSessions(settings)
        self._links = LinkPlaces(settings)
        self._turned_away = TurnedAway(settings)
        self._handshakes = RateBudgets(settings.handshakes, settings.handshakes_of_network, settings.handshakes_in_all)
        self._origins = origins
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = turns

    async def take(self, link: Link, origin: Origin = UNKNOWN) -> None:
        """Begin or join a session with a link that has arrived; returns when that is done, or the link is closed."""
        arrival = Arrival(link)
        source = origin.source
        account = self._ledger.account(
            link.close, source and source.host, 1 + origin.links, network=source and source.network
        )
        arrival.on_change = lambda: account.report(arrival.held)
        self._without_handshake.add(arrival, origin.source, link.close, origin.links)
        try:
            async with asyncio.timeout(self._settings.tunnel.handshake_seconds):
                join = await arrival.opening()
                if join is None:
                    await self._wait_for_handshake(origin)
            if join is None:
                self._begin(arrival, origin)
            else:
                await self._join(join, arrival)
        except _FullError as error:
            await arrival.turn_away(str(error), linger_seconds=self._settings.bond.linger_seconds)
        except TimeoutError:
            link.close("no message came on the link in time")
        except (LinkError, MessageError) as error:
            link.close(str(error))
        finally:
            self._without_handshake.discard(arrival)
            arrival.on_change = None
            account.close()

    def count_link(self, link: Link, origin: Origin) -> bool:
        """Count a link from its first byte on, if there is room; it is closed with a reason if it has to leave."""
        account = self._link_account
        if not self._links.has_room(link, origin.source, origin.links) or not account.has_room(LINK_COST):
            return False
        account.report(account.held + LINK_COST)
        self._links.add(link, origin.source, link.close, origin.links)
        return True

    def count_turned_away(self, link: Link, origin: Origin) -> bool:
        """The same for a link for which there is no room, and which is to be told so by `turn_away`."""
        if not self._turned_away.has_room(link, origin.source):
            return False
        self._link_account.report(self._link_account.held + LINK_COST)
        self._turned_away.add(link, origin.source, link.close)
        return True

    async def turn_away(self, link: Link, origin: Origin = UNKNOWN) -> None:
        """Tell a client that there is no room for its link; returns when the link is closed."""
        await Arrival(link).turn_away("the egress is full", linger_seconds=self._settings.bond.linger_seconds)

    def link_has_ended(self, link: Link) -> None:
        """A link that was counted is gone."""
        self._links.discard(link)
        self._turned_away.discard(link)
        self._link_account.report(self._link_account.held - LINK_COST)

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._by_id.values()):
            session.tunnel.close("the egress is stopping")

    async def stop(self) -> None:
        """End all sessions, and wait until nothing of them is left. The caller takes no links any more."""
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- a link has arrived --------------------------------------------------------------------
    async def _wait_for_handshake(self, origin: Origin) -> None:
        """Wait until the source may have another handshake; one whose session would have to leave at once has none."""
        if not self._established.has_room(object(), origin.source, origin.sessions):
            raise _FullError("the egress is full")
        if self._ledger.is_full:
            raise _FullError("the host is short of memory: come back in a moment")
        now = asyncio.get_running_loop().time()
        patience = self._settings.handshake_patience_seconds
        wait = self._handshakes.reserve(origin.source, now, patience, worth=1 + origin.sessions)
        if wait is None:
            raise _FullError("too many handshakes: come back in a moment")
        if wait > 0:
            await asyncio.sleep(wait)

    def _begin(self, arrival: Arrival, origin: Origin) -> None:
        key = session_key(self._secret, self._epoch + secrets.token_bytes(SESSION_ID_SIZE - _EPOCH_SIZE))
        session = EgressSession(
            self._identity,
            arrival,
            key,
            self._handler,
            self._tickets,
            self._settings,
            origin,
            self.turns_of(origin),
            on_established=self._session_established,
            on_links=self._links_changed,
            ledger=self._ledger,
        )
        self._by_id[key.id] = session
        task = asyncio.create_task(self._serve(session), name="egress-session")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._without_handshake.add(session, origin.source, session.tunnel.shed, origin.links)
        self._belongs_to(session, arrival)

    async def _join(self, join: Join, arrival: Arrival) -> None:
        session = self._by_id.get(join.session)
        if session is not None and not session.tunnel.is_over:
            session.bond.admit(arrival)
            self._belongs_to(session, arrival)
            return
        reason = SESSION_ENDED if join.session.startswith(self._epoch) else UNKNOWN_SESSION
        key = session_key(self._secret, join.session)
        await arrival.refuse(key, reason, linger_seconds=self._settings.bond.linger_seconds)

    def _belongs_to(self, session: EgressSession, arrival: Arrival) -> None:
        """From now on a link counts against its session."""
        if arrival.link in self._links:
            self._links.add(arrival.link, session.share, arrival.link.close)

    async def _serve(self, session: EgressSession) -> None:
        try:
            await session.tunnel.serve()
        finally:
            del self._by_id[session.key.id]
            self._without_handshake.discard(session)
            self._waiting.discard(session)
            self._established.discard(session)
            if session.is_established:
                self._count(-1)
            session.report()
        try:
            await session.bond.wait_closed()
        finally:
            session.let_go()

    def turns_of(self, origin: Origin) -> Group:
        """Those who take turns with one another there, and together with everybody else.

        A bridge that has proved itself counts for one more than the sessions that its proofs have earned it. All that
        has not counts for one, and in one network for a few. Where no source is known, each session counts for one.
        """
        if self._turns is None:
            self._turns = Turns()  # not before the event loop runs, unlike the routes of an egress
        source = origin.source
        if source is None:
            return self._turns
        if origin.links:
            return self._turns.group(source.host, 1 + origin.sessions)
        return self._turns.group(source.network, NETWORK_HOSTS).group(source.host)

    # --- a session has changed -----------------------------------------------------------------
    def _session_established(self, session: EgressSession) -> None:
        self._without_handshake.discard(session)
        self._count(+1)
        if self._origins is not None:
            self._origins.handshake_completed(session.origin)
        self._established.add(session, session.origin.source, session.tunnel.shed, session.origin.sessions)

    def _links_changed(self, session: EgressSession) -> None:
        if session.is_waiting and not session.tunnel.is_over:
            self._waiting.add(session, session.origin)
        else:
            self._waiting.discard(session)
