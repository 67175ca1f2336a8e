"""The sessions of an egress: a link that comes begins one, or joins one that is there.

    link ──▶ first message ── HELLO ──▶ a new session, on a bond of this one link
                           └─ JOIN ───▶ the bond of its session, or a refusal that proves that it is gone

A session is not tied to any link: it lives as long as its bond, which waits a while for a link when none is left. Until
its handshake is complete it is nobody's, and ends with its link.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable

from freespan.link.base import Link
from freespan.link.bond import Arrival, Bond, BondEvent, LinkClosed, LinkJoined, SessionKey, session_key
from freespan.tunnel.identity import Identity
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.tickets import TicketStore
from freespan.wire.bond_frames import SESSION_ENDED, SESSION_ID_SIZE, UNKNOWN_SESSION, Join
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import (
    BOND_LINGER_SECONDS,
    HANDSHAKE_SECONDS,
    LINKS_WITHOUT_SESSION_MAX,
    SESSIONS_MAX,
    SESSIONS_WAITING_BYTES_MAX,
    SESSIONS_WAITING_MAX,
)

Handler = Callable[["EgressSession", TunnelStream], Awaitable[None]]
_CROWDED = "too many links without a session"
_WAITED_LONGEST = "too many sessions wait for a link"
_LIFE_SIZE = 4
"""The first bytes of a session's name say in which life of the egress it began."""
_LOOK_SECONDS = 1.0


class EgressSession(ServerTunnel):
    """A session on a bond, which it watches; `key` is what its client needs to add links to it."""

    def __init__(
        self, identity: Identity, arrival: Arrival, key: SessionKey, handler: Handler, owner: Sessions
    ) -> None:
        self.key = key
        self.bond = Bond.accept(arrival, key, self._on_bond_event)
        self.is_known = False
        """Whether its handshake is complete."""
        self._owner = owner
        self._links = {0}
        super().__init__(identity, self.bond, lambda _, stream: handler(self, stream), owner.tickets)

    @property
    def waits(self) -> bool:
        """Whether it has no link."""
        return not self._links

    @property
    def held(self) -> int:
        """Bytes that are kept for its client and its sites, about."""
        bond, quic = self.bond.report(), self._quic
        unsent = sum(quic.unsent(stream) for stream in self._streams) if quic is not None else 0
        return 2 * bond.kept + bond.held + self._all_unread + unsent  # QUIC keeps what is on its way, as the bond does

    def _handshake_completed(self, quic: LinkQuic) -> None:
        super()._handshake_completed(quic)
        self.is_known = True
        self._owner.has_shaken_hands(self)

    def _on_bond_event(self, event: BondEvent) -> None:
        """Count the links. A suspected one is the client's business: it looks for another one."""
        match event:
            case LinkJoined(link):
                self._links.add(link)
                self._owner.links_changed(self)
            case LinkClosed(link):
                self._links.discard(link)
                self._owner.links_changed(self)


class Sessions:
    """All sessions of one egress. `count` is called with +1 and -1 as they come and go."""

    def __init__(self, identity: Identity, handler: Handler, count: Callable[[int], None]) -> None:
        self.tickets = TicketStore()
        self._identity = identity
        self._handler = handler
        self._count = count
        self._known = 0
        self._secret = identity.derived(b"freespan bond")
        self._life = secrets.token_bytes(_LIFE_SIZE)
        self._running: dict[bytes, EgressSession] = {}
        self._waiting: dict[EgressSession, None] = {}  # without a link, the one that has waited longest first
        self._knocking: dict[object, Callable[[str], None]] = {}  # how to end each, the oldest first
        self._tasks: set[asyncio.Task[None]] = set()
        self._look_at: asyncio.TimerHandle | None = None

    async def take(self, link: Link) -> None:
        """Begin or join a session with a link that has just come; returns when that is done, or the link is closed."""
        arrival = Arrival(link)
        self._wait_outside(arrival, link.close)
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                join = await arrival.opening()
            if join is None:
                self._begin(arrival)
            else:
                await self._join(join, arrival)
        except TimeoutError:
            link.close("the link said nothing")
        except (LinkError, MessageError) as error:
            link.close(str(error))
        finally:
            self._knocking.pop(arrival, None)

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._running.values()):
            session.close("the egress is stopping")

    async def stop(self) -> None:
        """End all sessions, and wait until nothing of them is left; the caller lets no link come any more."""
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- for its sessions ----------------------------------------------------------------------
    def has_shaken_hands(self, session: EgressSession) -> None:
        """It is a reader's, and keeps its place."""
        self._knocking.pop(session, None)
        self._known += 1
        self._count(+1)

    def links_changed(self, session: EgressSession) -> None:
        """It waits for a link from now on, or it does not wait any more."""
        if session.waits and not session.is_over:
            self._waiting[session] = None
            self._let_wait_no_more_than(SESSIONS_WAITING_MAX)
            self._look_soon()
        else:
            self._waiting.pop(session, None)

    # --- a link has come -----------------------------------------------------------------------
    def _begin(self, arrival: Arrival) -> None:
        if self._known >= SESSIONS_MAX:
            raise LinkError("the egress is full")
        key = session_key(self._secret, self._life + secrets.token_bytes(SESSION_ID_SIZE - _LIFE_SIZE))
        session = EgressSession(self._identity, arrival, key, self._handler, self)
        self._running[key.id] = session
        task = asyncio.create_task(self._serve(session), name="egress-session")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._wait_outside(session, session.close)

    async def _join(self, join: Join, arrival: Arrival) -> None:
        session = self._running.get(join.session)
        if session is not None and not session.is_over:
            session.bond.admit(arrival)
            return
        reason = SESSION_ENDED if join.session.startswith(self._life) else UNKNOWN_SESSION
        await arrival.refuse(session_key(self._secret, join.session), reason)

    async def _serve(self, session: EgressSession) -> None:
        try:
            await session.serve()
        finally:
            del self._running[session.key.id]
            self._knocking.pop(session, None)
            self._waiting.pop(session, None)
            if session.is_known:
                self._known -= 1
                self._count(-1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * BOND_LINGER_SECONDS):
                await session.bond.wait_closed()

    # --- bounds ----------------------------------------------------------------------------------
    def _wait_outside(self, one: object, end: Callable[[str], None]) -> None:
        """Whoever just holds a link open must not keep readers out: a real one needs its place for a moment only."""
        self._knocking[one] = end
        while len(self._knocking) > LINKS_WITHOUT_SESSION_MAX:
            oldest = next(iter(self._knocking))
            self._knocking.pop(oldest)(_CROWDED)

    def _let_wait_no_more_than(self, count: int) -> None:
        while len(self._waiting) > count:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.close(_WAITED_LONGEST)

    def _look_soon(self) -> None:
        if self._look_at is None and self._waiting:
            self._look_at = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """What sites send to those that wait fills their buffers; the last that came may keep the most."""
        self._look_at = None
        count = held = 0
        for session in reversed(self._waiting):
            held += session.held
            if held > SESSIONS_WAITING_BYTES_MAX:
                break
            count += 1
        self._let_wait_no_more_than(count)
        self._look_soon()
