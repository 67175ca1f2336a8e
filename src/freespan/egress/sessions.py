"""The sessions of an egress: a link that comes begins one, or joins one that is there.

    link ──▶ first message ── HELLO ──▶ a new session, on a bond of this one link
                           └─ JOIN ───▶ the bond of its session, or a refusal that proves that it is gone

A session is not tied to any link: it lives as long as its bond, which waits a while for a link when none is left.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from freespan.link.base import Link
from freespan.link.bond import Arrival, Bond, SessionKey, session_key
from freespan.tunnel.identity import Identity
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.server import ServerSession
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketStore
from freespan.wire.bond_frames import SESSION_ID_SIZE
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import HANDSHAKE_SECONDS, LINKS_WITHOUT_SESSION_MAX, SESSIONS_MAX

Handler = Callable[["EgressSession", TunnelStream], Awaitable[None]]
_CROWDED = "too many links without a session"


class EgressSession(ServerSession):
    """A session on a bond; `key` is what its client needs to add links to it."""

    def __init__(self, identity: Identity, bond: Bond, key: SessionKey, handler: Handler, sessions: Sessions) -> None:
        super().__init__(identity, bond, lambda _, stream: handler(self, stream), sessions.tickets)
        self.key = key
        self.bond = bond
        self._sessions = sessions

    def _handshake_completed(self, quic: LinkQuic) -> None:
        super()._handshake_completed(quic)
        self._sessions.has_shaken_hands(self)


class Sessions:
    """All sessions of one egress. `count` is called with +1 and -1 as they come and go."""

    def __init__(self, identity: Identity, handler: Handler, count: Callable[[int], None]) -> None:
        self.tickets = TicketStore()
        self._identity = identity
        self._handler = handler
        self._count = count
        self._secret = identity.derived(b"freespan bond")
        self._running: dict[bytes, tuple[EgressSession, asyncio.Task[None]]] = {}
        self._knocking: dict[object, Callable[[str], None]] = {}  # how to end each, the oldest first

    @property
    def is_full(self) -> bool:
        """Whether no further session can begin."""
        return len(self._running) >= SESSIONS_MAX

    async def take(self, link: Link) -> None:
        """Begin or join a session with a link that has just come; returns when that is done, or the link is closed."""
        arrival = Arrival(link)
        self._wait_outside(arrival, link.close)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                join = await arrival.opening()
        except TimeoutError:
            link.close("the link said nothing")
            return
        except (LinkError, MessageError) as error:
            link.close(str(error))
            return
        finally:
            self._knocking.pop(arrival, None)
        if join is None:
            self._begin(arrival)
        elif join.session in self._running:
            self._join(self._running[join.session][0], arrival)
        else:
            await arrival.refuse(session_key(self._secret, join.session))

    def close(self) -> None:
        """End all sessions."""
        for session, _ in list(self._running.values()):
            session.close("the egress is stopping")

    def has_shaken_hands(self, session: EgressSession) -> None:
        """It is a reader's, and keeps its place."""
        self._knocking.pop(session, None)

    def _begin(self, arrival: Arrival) -> None:
        if self.is_full:
            arrival.link.close("the egress is full")
            return
        key = session_key(self._secret, secrets.token_bytes(SESSION_ID_SIZE))
        session = EgressSession(self._identity, Bond.accept(arrival, key), key, self._handler, self)
        task = asyncio.create_task(self._serve(session), name="egress-session")
        self._running[key.id] = (session, task)
        self._wait_outside(session, session.close)

    async def _serve(self, session: EgressSession) -> None:
        self._count(+1)
        try:
            await session.serve()
        finally:
            self._count(-1)
            self._knocking.pop(session, None)
            del self._running[session.key.id]

    def _join(self, session: EgressSession, arrival: Arrival) -> None:
        try:
            session.bond.admit(arrival)
        except LinkError as error:
            arrival.link.close(str(error))

    def _wait_outside(self, one: object, end: Callable[[str], None]) -> None:
        """Whoever just holds a link open must not keep readers out: a real one needs its place for a moment only."""
        self._knocking[one] = end
        while len(self._knocking) > LINKS_WITHOUT_SESSION_MAX:
            oldest = next(iter(self._knocking))
            self._knocking.pop(oldest)(_CROWDED)
