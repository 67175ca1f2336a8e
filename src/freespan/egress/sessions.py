"""The sessions of an egress. A link that arrives begins one, or joins one.

    link ──▶ first message ── HELLO ──▶ Reception ── a guest ──▶ a new session, on a bond of this one link
                           │                └── or a refusal that the client alone can read
                           └─ JOIN ───▶ the bond of its session, or a refusal that proves that the session is gone

A session is not tied to a link. It lives as long as its bond, which waits a while for a link when none is left. Until
its handshake is complete it belongs to nobody, and ends with its link.
"""

from __future__ import annotations

import asyncio
import math
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
from freespan.egress.guests import Anybody, Guest, Guests, of_invited
from freespan.egress.origins import UNKNOWN, Origin, Origins
from freespan.egress.reception import Caller, DeniedError, NotOpenedError, Reception
from freespan.egress.session import EgressSession, Handler
from freespan.egress.settings import EgressSettings
from freespan.link.base import Link
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.session_key import session_key
from freespan.link.turns import Group, Turns
from freespan.observe.ledger import Ledger
from freespan.sealing.hpke import Opener
from freespan.sources.rate import RateBudgets
from freespan.sources.source import Source
from freespan.tunnel.identity import Identity
from freespan.tunnel.tickets import TicketStore
from freespan.wire.bond_frames import SESSION_ENDED, SESSION_ID_SIZE, UNKNOWN_SESSION, Hello, Join
from freespan.wire.denial import HOST_FULL, Denial
from freespan.wire.errors import LinkError, MessageError, NotAdmittedError

LINK_COST = 20_000
"""What a link takes, beside its connection and what waits in it."""
_LINKS_PART = 0.25
"""The part of the memory that links may take without what waits in them."""
_EPOCH_SIZE = 4
"""The first bytes of a session's id name the run of the egress (its boot epoch) in which the session began."""


def _full(reason: str) -> DeniedError:
    """There is no room for a session now. The client reads so, and blames no bridge for it."""
    return DeniedError(Denial(HOST_FULL), reason)


class Sessions:
    """All sessions of one egress. `count` is called with +1 and -1 as established sessions begin and end.

    Who may have sessions, and how many, `guests` know; without them, anybody may.
    """

    def __init__(
        self,
        identity: Identity,
        handler: Handler,
        count: Callable[[int], None],
        settings: EgressSettings | None = None,
        origins: Origins | None = None,
        ledger: Ledger | None = None,
        turns: Turns | None = None,
        guests: Guests | None = None,
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
        self._reception = Reception(Opener(identity.sealing_key), guests or Anybody(), settings, ledger.account())
        self._without_handshake = WithoutHandshake(settings)
        self._established = SessionPlaces(settings)
        self._waiting = WaitingSessions(settings)
        self._links = LinkPlaces(settings)
        self._turned_away = TurnedAway(settings)
        self._handshakes = RateBudgets(settings.handshakes, settings.handshakes_of_network, settings.handshakes_in_all)
        self._of_invites = RateBudgets(settings.handshakes_of_invite, settings.handshakes_of_invite)
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
        has_room = link not in self._turned_away
        if has_room:
            self._without_handshake.add(arrival, source, link.close, origin.links)
        caller = Caller()
        try:
            async with asyncio.timeout(self._settings.tunnel.handshake_seconds):
                async with asyncio.timeout(None if has_room else self._settings.turned_away_seconds):
                    opening = await arrival.opening()
                if isinstance(opening, Hello):
                    caller = self._reception.open(opening, source, self._now())
                    await self._begin_for(caller, arrival, origin)
            if isinstance(opening, Join):
                await self._join(opening, arrival)
        except DeniedError as error:
            await arrival.turn_away(caller.refused(error.denial), str(error), linger_seconds=self._linger_seconds)
        except NotOpenedError as error:
            await arrival.turn_away(error.refused, str(error), linger_seconds=self._linger_seconds)
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
    @property
    def _linger_seconds(self) -> float:
        return self._settings.bond.linger_seconds

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    async def _begin_for(self, caller: Caller, arrival: Arrival, origin: Origin) -> None:
        """Begin a session, if there is room for it. Raises `DeniedError`."""
        guest = self._reception.admit(caller)
        self._find_room(arrival, origin, is_invited=guest.is_invited)
        await self._wait_for_handshake(origin, guest)
        self._begin(arrival, origin, guest)

    def _find_room(self, arrival: Arrival, origin: Origin, *, is_invited: bool) -> None:
        """From now on the link counts as one of an invited guest, or not. One that was to be turned away may stay if
        somebody without an invite can leave for it. Raises `DeniedError` if there is no room.
        """
        link, source = arrival.link, origin.source
        if link in self._turned_away:
            if not is_invited or not self._links.has_room(link, source, origin.links, is_invited=True):
                raise _full("the egress is full")
            self._turned_away.discard(link)
            self._links.add(link, source, link.close, origin.links, is_invited=True)
        elif is_invited and link in self._links:
            self._links.add(link, source, link.close, origin.links, is_invited=True)
        if is_invited:
            self._without_handshake.add(arrival, source, link.close, origin.links, is_invited=True)

    async def _wait_for_handshake(self, origin: Origin, guest: Guest) -> None:
        """Wait until the source may have another handshake; one whose session would have to leave at once has none."""
        if not self._established.has_room(object(), origin.source, origin.sessions, is_invited=guest.is_invited):
            raise _full("the egress is full")
        if self._ledger.is_full:
            raise _full("the host is short of memory: come back in a moment")
        source, worth = origin.source, 1 + origin.sessions
        if guest.is_invited:  # it has a budget of its own, and at its pace whatever is kept for newcomers
            source = source and of_invited(source)
            if self._of_invites.take(Source(guest.id, guest.id), self._now()):
                worth = math.inf
        wait = self._handshakes.reserve(source, self._now(), self._settings.handshake_patience_seconds, worth=worth)
        if wait is None:
            raise _full("too many handshakes: come back in a moment")
        if wait > 0:
            await asyncio.sleep(wait)

    def _begin(self, arrival: Arrival, origin: Origin, guest: Guest) -> None:
        key = session_key(self._secret, self._epoch + secrets.token_bytes(SESSION_ID_SIZE - _EPOCH_SIZE))
        session = EgressSession(
            self._identity,
            arrival,
            key,
            self._handler,
            self._tickets.of(guest.id),
            self._settings,
            origin,
            guest,
            self.turns_of(origin, is_invited=guest.is_invited),
            on_handshake=self._handshake_completed,
            on_links=self._links_changed,
            ledger=self._ledger,
        )
        self._by_id[key.id] = session
        task = asyncio.create_task(self._serve(session), name="egress-session")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._without_handshake.add(
            session, origin.source, session.tunnel.shed, origin.links, is_invited=guest.is_invited
        )
        self._belongs_to(session, arrival)

    async def _join(self, join: Join, arrival: Arrival) -> None:
        session = self._by_id.get(join.session)
        if session is None or session.tunnel.is_over:
            reason = SESSION_ENDED if join.session.startswith(self._epoch) else UNKNOWN_SESSION
            key = session_key(self._secret, join.session)
            await arrival.refuse(key, reason, linger_seconds=self._linger_seconds)
            return
        if arrival.link in self._turned_away:
            self._make_room_for_join(session, arrival)
        session.bond.admit(arrival)
        self._belongs_to(session, arrival)

    def _make_room_for_join(self, session: EgressSession, arrival: Arrival) -> None:
        """A link for which there is no room may still stay if its session has an invite. Raises `LinkError`."""
        link = arrival.link
        if not session.guest.is_invited or not self._links.has_room(link, session.share, is_invited=True):
            raise LinkError("the egress is full")
        self._turned_away.discard(link)
        self._links.add(link, session.share, link.close, is_invited=True)

    def _belongs_to(self, session: EgressSession, arrival: Arrival) -> None:
        """From now on a link counts against its session."""
        if arrival.link in self._links:
            is_invited = session.guest.is_invited
            self._links.add(arrival.link, session.share, arrival.link.close, is_invited=is_invited)

    async def _serve(self, session: EgressSession) -> None:
        try:
            await session.tunnel.serve()
        finally:
            del self._by_id[session.key.id]
            self._without_handshake.discard(session)
            self._waiting.discard(session)
            self._established.discard(session)
            if session.has_entered:
                self._count(-1)
            session.leave()
            session.report()
        try:
            await session.bond.wait_closed()
        finally:
            session.let_go()

    def turns_of(self, origin: Origin, *, is_invited: bool = False) -> Group:
        """Those who take turns with one another there, and together with everybody else.

        A bridge that has proved itself counts for one more than the sessions that its proofs have earned it. All that
        has not counts for one, and in one network for a few. Where no source is known, each session counts for one.
        Those who come with an invite are groups of their own.
        """
        if self._turns is None:
            self._turns = Turns()  # not before the event loop runs, unlike the routes of an egress
        source = origin.source
        if source is None:
            return self._turns
        if origin.links:
            return self._turns.group((source.host, is_invited), 1 + origin.sessions)
        return self._turns.group((source.network, is_invited), NETWORK_HOSTS).group(source.host)

    # --- a session has changed -----------------------------------------------------------------
    def _handshake_completed(self, session: EgressSession) -> None:
        self._without_handshake.discard(session)
        if self._origins is not None:
            self._origins.handshake_completed(session.origin)
        try:
            session.enter()
        except NotAdmittedError as error:  # its guest has had a place when it knocked, and has none any more
            session.deny(error)
            return
        self._count(+1)
        origin, is_invited = session.origin, session.guest.is_invited
        self._established.add(session, origin.source, session.tunnel.shed, origin.sessions, is_invited=is_invited)

    def _links_changed(self, session: EgressSession) -> None:
        if session.is_waiting and not session.tunnel.is_over:
            self._waiting.add(session, session.origin)
        else:
            self._waiting.discard(session)
