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

from freespan.egress.bounds import WaitingSessions, WithoutHandshake
from freespan.egress.session import EgressSession, Handler
from freespan.egress.settings import EgressSettings
from freespan.link.base import Link
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.session_key import session_key
from freespan.tunnel.identity import Identity
from freespan.tunnel.tickets import TicketStore
from freespan.wire.bond_frames import SESSION_ENDED, SESSION_ID_SIZE, UNKNOWN_SESSION, Join
from freespan.wire.errors import LinkError, MessageError

_EPOCH_SIZE = 4
"""The first bytes of a session's id name the run of the egress (its boot epoch) in which the session began."""


class Sessions:
    """All sessions of one egress. `count` is called with +1 and -1 as established sessions begin and end."""

    def __init__(
        self,
        identity: Identity,
        handler: Handler,
        count: Callable[[int], None],
        settings: EgressSettings | None = None,
    ) -> None:
        self._identity = identity
        self._handler = handler
        self._count = count
        self._settings = settings = settings or EgressSettings()
        self._tickets = TicketStore(capacity=settings.tunnel.egress_tickets_max)
        self._secret = identity.derived(b"freespan bond")
        self._epoch = secrets.token_bytes(_EPOCH_SIZE)
        self._established = 0
        self._by_id: dict[bytes, EgressSession] = {}
        self._without_handshake = WithoutHandshake(settings)
        self._waiting = WaitingSessions(settings)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, link: Link) -> None:
        """Begin or join a session with a link that has arrived; returns when that is done, or the link is closed."""
        arrival = Arrival(link)
        self._without_handshake.add(arrival, link.close)
        try:
            async with asyncio.timeout(self._settings.tunnel.handshake_seconds):
                join = await arrival.opening()
            if join is None:
                self._begin(arrival)
            else:
                await self._join(join, arrival)
        except TimeoutError:
            link.close("no message came on the link in time")
        except (LinkError, MessageError) as error:
            link.close(str(error))
        finally:
            self._without_handshake.discard(arrival)

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._by_id.values()):
            session.tunnel.close("the egress is stopping")

    async def stop(self) -> None:
        """End all sessions, and wait until nothing of them is left. The caller takes no links any more."""
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- a link has arrived --------------------------------------------------------------------
    def _begin(self, arrival: Arrival) -> None:
        if self._established >= self._settings.sessions_max:
            raise LinkError("the egress is full")
        key = session_key(self._secret, self._epoch + secrets.token_bytes(SESSION_ID_SIZE - _EPOCH_SIZE))
        session = EgressSession(
            self._identity,
            arrival,
            key,
            self._handler,
            self._tickets,
            self._settings,
            on_established=self._session_established,
            on_links=self._links_changed,
        )
        self._by_id[key.id] = session
        task = asyncio.create_task(self._serve(session), name="egress-session")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._without_handshake.add(session, session.tunnel.close)

    async def _join(self, join: Join, arrival: Arrival) -> None:
        session = self._by_id.get(join.session)
        if session is not None and not session.tunnel.is_over:
            session.bond.admit(arrival)
            return
        reason = SESSION_ENDED if join.session.startswith(self._epoch) else UNKNOWN_SESSION
        key = session_key(self._secret, join.session)
        await arrival.refuse(key, reason, linger_seconds=self._settings.bond.linger_seconds)

    async def _serve(self, session: EgressSession) -> None:
        try:
            await session.tunnel.serve()
        finally:
            del self._by_id[session.key.id]
            self._without_handshake.discard(session)
            self._waiting.discard(session)
            if session.is_established:
                self._established -= 1
                self._count(-1)
        await session.bond.wait_closed()

    # --- a session has changed -----------------------------------------------------------------
    def _session_established(self, session: EgressSession) -> None:
        self._without_handshake.discard(session)
        self._established += 1
        self._count(+1)

    def _links_changed(self, session: EgressSession) -> None:
        if session.is_waiting and not session.tunnel.is_over:
            self._waiting.add(session)
        else:
            self._waiting.discard(session)
