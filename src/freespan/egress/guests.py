"""Who may use an egress, and how much: what it asks of whoever knows the invites of the host.

guests.admit(token) ──▶ Guest, shared by all sessions of one invite
guest.enter(…)      ──▶ Visit, of one session, from the end of its handshake on
guest.pace(size), guest.count(up, down)    for each piece that is copied
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from freespan.sources.source import Source
from freespan.wire.errors import NotAdmittedError

INVITED_WEIGHT = 4.0
"""How many times as many bytes as others a source may hold for those who come with an invite."""

OnEnd = Callable[[NotAdmittedError], None]
"""Called once, with the reason, when a session must end because of its invite."""


def of_invited(source: Source) -> Source:
    """The same source for those who come from there with an invite: what others there use up is not theirs."""
    return Source(b"invited " + source.host, b"invited " + source.network, source.region)


class Visit(Protocol):
    """One session of a guest."""

    def leave(self) -> None:
        """The session is over."""


class Guest(Protocol):
    """Whoever has one invite; or everybody without one, whom an open host admits."""

    @property
    def id(self) -> bytes:
        """That of the invite; empty for everybody without one."""

    @property
    def is_invited(self) -> bool:
        """Whether this is an invite: it goes before those without one where an egress is crowded."""

    def enter(self, on_end: OnEnd, is_waiting: Callable[[], bool]) -> Visit:
        """A session begins. One that `is_waiting` gives way where all sessions of the invite are in use.

        Raises:
            NotAdmittedError: the invite is void by now, or all its sessions are in use.
        """

    def count(self, up: int, down: int) -> None:
        """Bytes are copied, towards targets and from them. May end sessions."""

    def pace(self, size: int) -> float:
        """Seconds to wait before `size` bytes are copied, by the rate of the invite; 0 without one."""

    def give_back(self, size: int) -> None:
        """Whoever asked to copy these bytes has ended before they could be."""


class Guests(Protocol):
    """All guests of a host."""

    def admit(self, token: bytes | None) -> Guest:
        """The guest who has this token. Raises `NotAdmittedError`: no session may begin with it now."""


class Anybody:
    """The guests of an egress that nobody has told of invites: one, who may do everything."""

    id = b""
    is_invited = False

    def admit(self, token: bytes | None) -> Guest:
        """See `Guests`."""
        return self

    def enter(self, on_end: OnEnd, is_waiting: Callable[[], bool]) -> Visit:
        """See `Guest`."""
        return self

    def leave(self) -> None:
        """See `Visit`."""

    def count(self, up: int, down: int) -> None:
        """See `Guest`."""

    def pace(self, size: int) -> float:
        """See `Guest`."""
        return 0.0

    def give_back(self, size: int) -> None:
        """See `Guest`."""
