"""Who has to leave when an egress is crowded: those without a handshake, and sessions that wait for a link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from freespan.egress.session import EgressSession
from freespan.egress.settings import EgressSettings

_CROWDED = "too many links without a session"
_WAITED_LONGEST = "too many sessions wait for a link"
_CHECK_SECONDS = 1.0


class WithoutHandshake:
    """Links and sessions whose handshake is not complete. If there are too many, the oldest is ended.

    Whoever only holds a link open must not keep readers out: a client needs its place for a moment only.
    """

    def __init__(self, settings: EgressSettings) -> None:
        self._max = settings.without_handshake_max
        self._end: dict[object, Callable[[str], None]] = {}  # how to end each, the oldest first

    def __len__(self) -> int:
        return len(self._end)

    def add(self, one: object, end: Callable[[str], None]) -> None:
        """Count `one` from now on; `end` is called with a reason if it has to leave."""
        self._end[one] = end
        while len(self._end) > self._max:
            oldest = next(iter(self._end))
            self._end.pop(oldest)(_CROWDED)

    def discard(self, one: object) -> None:
        """Its handshake is complete, or it has ended."""
        self._end.pop(one, None)


class WaitingSessions:
    """Sessions without a link. If there are too many, or they hold too much, those that have waited longest are ended.

    What targets send to sessions without a link fills their buffers, which are checked every second.
    """

    def __init__(self, settings: EgressSettings) -> None:
        self._sessions_max = settings.waiting_sessions_max
        self._bytes_max = settings.waiting_bytes_max
        self._waiting: dict[EgressSession, None] = {}  # the one that has waited longest first
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def held(self) -> int:
        """Bytes that they keep together, about."""
        return sum(session.held for session in self._waiting)

    def add(self, session: EgressSession) -> None:
        """A session has lost its last link."""
        self._waiting[session] = None
        self._keep_last(self._sessions_max)
        self._check_later()

    def discard(self, session: EgressSession) -> None:
        """A session has a link again, or is over."""
        self._waiting.pop(session, None)

    def _keep_last(self, count: int) -> None:
        while len(self._waiting) > count:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.tunnel.close(_WAITED_LONGEST)

    def _check_later(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """End the sessions that hold more than is left by those that came after them."""
        self._timer = None
        count = held = 0
        for session in reversed(self._waiting):
            held += session.held
            if held > self._bytes_max:
                break
            count += 1
        self._keep_last(count)
        self._check_later()
