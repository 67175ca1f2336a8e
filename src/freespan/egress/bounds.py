"""Who has to leave when an egress is crowded: the newest of the source that has the most, whatever it is.

Where some come with an invite and others without, those without leave first. The places that are kept for newcomers
are kept from everybody who is greedy, invited or not.

LinkPlaces         links; those of a session count against it, all others against where they come from
TurnedAway         links that are told that the egress is full
WithoutHandshake   links and sessions without a handshake
SessionPlaces      sessions
WaitingSessions    sessions that wait for a link
StreamPlaces       streams with a socket to a target, or about to have one
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

from freespan.egress.guests import INVITED_WEIGHT
from freespan.egress.origins import Origin
from freespan.egress.session import EgressSession
from freespan.egress.settings import EgressSettings
from freespan.sources.greediest import greediest
from freespan.sources.shares import Places, Shares
from freespan.sources.source import Source
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus

NETWORK_HOSTS = 4
"""A network has as many places as this many hosts."""
_NEWCOMERS = 8
"""One place in so many is kept for newcomers."""
_CHECK_SECONDS = 1.0

_CROWDED = ProxyStatus("connection_limit_reached", "crowded")

_End = Callable[[str], None]
Thing = TypeVar("Thing", bound=Hashable)


class Crowd(Generic[Thing]):
    """Things of many sources, each with a way to end it with a reason."""

    def __init__(self, most: int, places: float, reason: str, *, oldest_unknown: bool = False) -> None:
        self._reason = reason
        self._shares: Shares[Thing] = Shares(
            most,
            newcomers=most // _NEWCOMERS,
            places=Places(places, NETWORK_HOSTS * places),
            oldest_unknown=oldest_unknown,
        )
        self._end: dict[Thing, _End] = {}

    def __len__(self) -> int:
        return len(self._end)

    def __contains__(self, one: Thing) -> bool:
        return one in self._end

    def add(
        self, one: Thing, source: Source | None, end: _End, extra: float = 0.0, *, is_invited: bool = False
    ) -> None:
        """Count `one` from now on; `end` is called with a reason if it has to leave, perhaps at once."""
        self._end[one] = end
        evicted = self._shares.add(one, source, extra, is_preferred=is_invited)
        if evicted is not None:
            self._end.pop(evicted)(self._reason)

    def has_room(self, one: Thing, source: Source | None, extra: float = 0.0, *, is_invited: bool = False) -> bool:
        """Whether `one`, which is not counted, could stay."""
        return not self._shares.would_leave(one, source, extra, is_preferred=is_invited)

    def discard(self, one: Thing) -> None:
        """It has ended, or does not belong here any more."""
        self._shares.discard(one)
        self._end.pop(one, None)


class LinkPlaces(Crowd[object]):
    """All links: at first those of an origin, and as soon as they belong to a session, those of this session."""

    def __init__(self, settings: EgressSettings) -> None:
        super().__init__(settings.links_max, settings.links_each, "the egress is full, and you have many links to it")


class TurnedAway(Crowd[object]):
    """Links that are told that there is no room for them; without a place here, they are closed without a word."""

    def __init__(self, settings: EgressSettings) -> None:
        super().__init__(settings.turned_away_max, settings.turned_away_each, "the egress is full")


class WithoutHandshake(Crowd[object]):
    """Links and sessions whose handshake is not complete.

    Whoever only holds a link open must not keep readers out: a client needs its place for a moment only.
    """

    def __init__(self, settings: EgressSettings) -> None:
        super().__init__(
            settings.without_handshake_max,
            settings.without_handshake_each,
            "too many links without a session",
            oldest_unknown=True,
        )


class SessionPlaces(Crowd[object]):
    """Sessions whose handshake is complete."""

    def __init__(self, settings: EgressSettings) -> None:
        super().__init__(
            settings.sessions_max, settings.sessions_each, "the egress is full, and many sessions come from one place"
        )


class StreamPlace:
    """The place of one stream. Whoever enters it in a crowd may be put out at any time, in the middle of any wait."""

    def __init__(self, share: Source, *, is_invited: bool = False) -> None:
        self._share = share
        self._is_invited = is_invited
        task = asyncio.current_task()
        assert task is not None
        self._task = weakref.ref(task)  # the frames of a cancelled task keep this object
        self._put_out_for: ProxyStatus | None = None

    @contextlib.contextmanager
    def among(self, crowd: Crowd[StreamPlace]) -> Iterator[None]:
        """Be counted for the length of the block. Raises `StreamError` if there is no room, or none any more."""
        if not crowd.has_room(self, self._share, is_invited=self._is_invited):
            raise StreamError(_CROWDED)
        crowd.add(self, self._share, self._leave, is_invited=self._is_invited)
        try:
            yield
        except asyncio.CancelledError:
            # as in `asyncio.timeout`: whoever else has cancelled the task is obeyed
            task = self._task()
            if self._put_out_for is not None and task is not None and not task.uncancel():
                raise StreamError(self._put_out_for) from None
            raise
        finally:
            crowd.discard(self)

    def put_out(self, status: ProxyStatus) -> None:
        """End the stream, in the middle of a block of `among`."""
        task = self._task()
        if task is not None and self._put_out_for is None:
            self._put_out_for = status
            task.cancel()

    def _leave(self, _: str) -> None:
        self.put_out(_CROWDED)


def dials(settings: EgressSettings) -> Crowd[StreamPlace]:
    """Streams whose connection to a target is being opened."""
    return Crowd(settings.dials_max, settings.streams_each, "too many connections are being opened")


def sockets(settings: EgressSettings) -> Crowd[StreamPlace]:
    """Streams with a connection to a target."""
    return Crowd(settings.sockets_max, settings.streams_each, "too many connections are open")


class WaitingSessions:
    """Sessions without a link. If there are too many, or they hold too much, those of the greediest source end first.

    What targets send to sessions without a link fills their buffers, which are checked every second.
    """

    _REASON = "too many sessions wait for a link"

    def __init__(self, settings: EgressSettings) -> None:
        self._bytes_max = settings.waiting_bytes_max
        self._crowd: Crowd[EgressSession] = Crowd(
            settings.waiting_sessions_max, settings.sessions_each, self._REASON, oldest_unknown=True
        )
        self._waiting: dict[EgressSession, None] = {}  # the one that has waited longest first
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def held(self) -> int:
        """Bytes that they keep together, about."""
        return sum(session.held for session in self._waiting)

    def add(self, session: EgressSession, origin: Origin) -> None:
        """A session has lost its last link."""
        self._waiting[session] = None
        self._crowd.add(
            session,
            origin.source,
            lambda reason: self._end(session, reason),
            origin.sessions,
            is_invited=session.guest.is_invited,
        )
        self._check_later()

    def discard(self, session: EgressSession) -> None:
        """A session has a link again, or is over."""
        self._waiting.pop(session, None)
        self._crowd.discard(session)

    def _end(self, session: EgressSession, reason: str) -> None:
        self.discard(session)
        session.tunnel.shed(reason)

    def _check_later(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(_CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """End sessions until what they hold is within the bound, beginning with the source that holds the most."""
        self._timer = None
        held = {session: session.held for session in self._waiting}
        for session in sessions_to_end(held, self._bytes_max):
            self._end(session, self._REASON)
        self._check_later()


def sessions_to_end(held: dict[EgressSession, int], most: int) -> list[EgressSession]:
    """Those that must end so that all others together hold at most `most` bytes.

    Sessions whose source is not known count one each. Those of a source with an invite may hold `INVITED_WEIGHT` times
    as much as those without one.
    """
    return greediest(held, most, _source_of, lambda session: INVITED_WEIGHT if session.guest.is_invited else 1.0)


def _source_of(session: EgressSession) -> Hashable:
    return (session.origin.source.host, session.guest.is_invited) if session.origin.source else session
