"""What a running host asks: may this one in, and what have they used? Pure: clocks are handed in.

    guests.admit(token) ──▶ Guest: one invite, or everybody without one; shared by all its sessions
    guest.enter(on_end) ──▶ Visit: one session. `on_end` is called if it must end because of its invite
    visit.count(up, down)   bytes that have passed between the session and its targets
    guest.pace(size)        how long to wait first, by the rate of the invite

The database is read and written by `keeper.py`, which hands over what has changed there (`apply`) and takes away what
is to be written (`take_usage`).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from freespan.access.limits import InviteLimits
from freespan.access.records import ANONYMOUS_ID, READER, InviteRecord, Snapshot, UsageRow
from freespan.access.tokens import Tokens
from freespan.wire.admission import (
    INVITE_EXPIRED,
    INVITE_QUOTA,
    INVITE_REQUIRED,
    INVITE_REVOKED,
    INVITE_SESSIONS,
    INVITE_UNKNOWN,
)
from freespan.wire.errors import NotAdmittedError

OnEnd = Callable[[NotAdmittedError], None]
"""Called once, with the reason, when a session must end because of its invite."""

_BURST_SECONDS = 1.0
_BURST_MIN = 256 * 1024
"""So many bytes pass at once however low the rate is: a page should not wait for its first bytes."""


class Visit:
    """One session of a guest, until it leaves."""

    __slots__ = ("_guest", "_on_end", "is_waiting")

    def __init__(self, guest: Guest, on_end: OnEnd, is_waiting: Callable[[], bool]) -> None:
        self._guest = guest
        self._on_end: OnEnd | None = on_end
        self.is_waiting = is_waiting
        """Whether the session has no link. Where all sessions of an invite are in use, one that waits gives way."""

    @property
    def guest(self) -> Guest:
        """Whose session this is."""
        return self._guest

    def count(self, up: int, down: int) -> None:
        """Bytes have passed, towards targets and from them. May call `on_end`."""
        self._guest.count(up, down)

    def leave(self) -> None:
        """The session is over; later calls do nothing."""
        self._on_end = None
        self._guest.forget(self)

    def end(self, reason: NotAdmittedError) -> None:
        """The session must end."""
        on_end, self._on_end = self._on_end, None
        self._guest.forget(self)
        if on_end is not None:
            on_end(reason)


class Guest:
    """Whoever has one invite; or everybody without one, whom an open host admits.

    Attributes:
        is_invited: whether this is an invite; its owner goes before others where a host is crowded.
    """

    def __init__(self, guests: Guests, record: InviteRecord | None) -> None:
        self._guests = guests
        self._record = record
        self.is_invited = record is not None
        self._is_gone = False
        """Whether the database knows the invite no more."""
        self._visits: dict[Visit, None] = {}
        self._left: int | None = None
        """Bytes of the quota; None without one."""
        self._full_at = 0.0
        """When the bucket of the rate will be full again."""
        self.up = self.down = self.begun = 0
        """Bytes and sessions that have not been taken away to be written."""

    @property
    def id(self) -> bytes:
        """That of the invite; empty for everybody without one."""
        return ANONYMOUS_ID if self._record is None else self._record.id

    @property
    def kind(self) -> str:
        """`reader` or `page`."""
        return READER if self._record is None else self._record.kind

    @property
    def limits(self) -> InviteLimits:
        """What the invite allows."""
        return InviteLimits() if self._record is None else self._record.limits

    @property
    def record(self) -> InviteRecord | None:
        """What the database says of the invite; None for everybody without one."""
        return self._record

    @property
    def is_void(self) -> bool:
        """Whether the invite is revoked, expired or gone: for good."""
        return self._for_good() is not None

    @property
    def sessions(self) -> int:
        """How many sessions there are now."""
        return len(self._visits)

    @property
    def is_over_quota(self) -> bool:
        """Whether the quota of this month is used up."""
        return self._left is not None and self._left <= 0

    def check(self) -> None:
        """Raise `NotAdmittedError` if another session may not begin now."""
        self.check_valid()
        if (reason := self._crowded()) is not None:
            raise reason

    def check_valid(self) -> None:
        """Raise `NotAdmittedError` if the invite is void, or has used up its quota."""
        if (reason := self._void()) is not None:
            raise reason

    def enter(self, on_end: OnEnd, is_waiting: Callable[[], bool] = lambda: False) -> Visit:
        """A session begins; `is_waiting` tells whether its client seems to be gone.

        Raises:
            NotAdmittedError: the invite is void by now, over its quota, or all its sessions are in use.
        """
        self.check()
        if self._is_full:
            next(each for each in self._visits if each.is_waiting()).end(self._because(INVITE_SESSIONS))
        visit = Visit(self, on_end, is_waiting)
        self._visits[visit] = None
        self.begun += 1
        return visit

    def count(self, up: int, down: int) -> None:
        """Bytes have passed, towards targets and from them."""
        self.up += up
        self.down += down
        if self._left is not None:
            self._left -= up + down
            if self._left <= 0 and self._visits:
                self._end_all(self._because(INVITE_QUOTA))

    def pace(self, size: int) -> float:
        """Seconds to wait before `size` bytes pass, 0 without a rate. They count as passed from now on.

        All sessions share one bucket. Whoever asks later waits for longer, so nobody overtakes.
        """
        rate = self.limits.rate
        if rate is None:
            return 0.0
        now = self._guests.monotonic()
        burst_seconds = max(_BURST_SECONDS, _BURST_MIN / rate)
        self._full_at = max(now, self._full_at) + size / rate
        return max(0.0, self._full_at - now - burst_seconds)

    def give_back(self, size: int) -> None:
        """So many bytes, for which `pace` was asked, do not pass after all: nobody else waits for them."""
        if (rate := self.limits.rate) is not None:
            self._full_at -= size / rate

    # --- for `Guests` and `Visit` --------------------------------------------------------------
    def forget(self, visit: Visit) -> None:
        """A session has ended."""
        self._visits.pop(visit, None)

    def update(self, record: InviteRecord | None, used: int) -> None:
        """What the database says of it has changed, or may have; `used` is for this month. No record: it is gone."""
        if record is None:
            self._is_gone = True
            self.look()
            return
        self._record = record
        self._left = None if record.limits.quota is None else record.limits.quota - used - self.up - self.down
        self.look()

    def look(self) -> None:
        """End the sessions of an invite that is void by now."""
        if self._visits and (reason := self._void()) is not None:
            self._end_all(reason)

    @property
    def _is_full(self) -> bool:
        most = self.limits.sessions
        return most is not None and len(self._visits) >= most

    def _crowded(self) -> NotAdmittedError | None:
        is_crowded = self._is_full and not any(each.is_waiting() for each in self._visits)
        return self._because(INVITE_SESSIONS) if is_crowded else None

    def _void(self) -> NotAdmittedError | None:
        return self._for_good() or (self._because(INVITE_QUOTA) if self.is_over_quota else None)

    def _for_good(self) -> NotAdmittedError | None:
        if self._record is None:
            return None
        if self._is_gone:
            return self._because(INVITE_UNKNOWN)
        if self._record.revoked is not None:
            return self._because(INVITE_REVOKED)
        if self.limits.expires is not None and self._guests.now() >= self.limits.expires:
            return self._because(INVITE_EXPIRED)
        return None

    def _because(self, code: str) -> NotAdmittedError:
        if code == INVITE_QUOTA:
            return NotAdmittedError(code, self.limits.quota or 0, _next_month(self._guests.today()).isoformat())
        return NotAdmittedError(code, (self.limits.sessions or 0) if code == INVITE_SESSIONS else 0)

    def _end_all(self, reason: NotAdmittedError) -> None:
        for visit in list(self._visits):
            visit.end(reason)


class Guests:
    """All guests of a host.

    Args:
        tokens: reads the tokens of this host.
        is_open: whether people without an invite are admitted.
        now: the time in seconds since 1970.
        monotonic: seconds that never go back, for rates.
    """

    def __init__(
        self, tokens: Tokens, *, is_open: bool, now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._tokens = tokens
        self._is_open = is_open
        self.now = now
        self.monotonic = monotonic
        self._guests: dict[bytes, Guest] = {}
        self._anonymous = Guest(self, None)
        self._day = self.today()

    def admit(self, token: bytes | None) -> Guest:
        """The guest who has this token; nobody is counted before they `enter`.

        An open host admits those without a token, and those with one that it does not know, as one guest.

        Raises:
            NotAdmittedError: no session may begin with this token now.
        """
        guest = self.recognise(token)
        guest.check()
        return guest

    def recognise(self, token: bytes | None) -> Guest:
        """The same for who asks for something that a session which they have may need: no session begins.

        Raises:
            NotAdmittedError: the token is void, whatever sessions there are.
        """
        invite_id = self._tokens.id_of(token) if token is not None else None
        guest = self._guests.get(invite_id) if invite_id is not None else None
        if guest is None:
            if self._is_open:
                return self._anonymous
            raise NotAdmittedError(INVITE_REQUIRED if token is None else INVITE_UNKNOWN)
        guest.check_valid()
        return guest

    def guest(self, invite_id: bytes) -> Guest | None:
        """The guest with this id, as it stood in `Guest.id`; None if it is known no more."""
        return self._anonymous if invite_id == ANONYMOUS_ID else self._guests.get(invite_id)

    def first_valid(self) -> InviteRecord | None:
        """The invite that was made first among those that are neither revoked nor expired."""
        records = (guest.record for guest in self._guests.values() if not guest.is_void)
        return next((record for record in records if record is not None), None)

    def today(self) -> datetime.date:
        """The day by the host's clock (UTC)."""
        return datetime.datetime.fromtimestamp(self.now(), datetime.UTC).date()

    # --- for the keeper ------------------------------------------------------------------------
    def apply(self, snapshot: Snapshot) -> None:
        """The database has changed, or may have. Sessions of invites that are void by now end at once."""
        records = {record.id: record for record in snapshot.records}
        for invite_id in [each for each in self._guests if each not in records]:
            self._guests.pop(invite_id).update(None, 0)
        for record in snapshot.records:
            guest = self._guests.get(record.id)
            if guest is None:
                guest = self._guests[record.id] = Guest(self, record)
            guest.update(record, snapshot.used.get(record.id, 0))

    def look(self) -> None:
        """Time has passed: end the sessions of invites that have expired."""
        for guest in self._guests.values():
            guest.look()

    @property
    def is_new_day(self) -> bool:
        """Whether the day has changed since the usage was taken away: quotas of a month may begin anew."""
        return self.today() != self._day

    def take_usage(self) -> list[UsageRow]:
        """What has been used since the last call, for the database; the guests count from 0 again.

        It belongs to the day of the last call; between two calls there are seconds.
        """
        day, self._day = self._day.isoformat(), self.today()
        rows = []
        for guest in [self._anonymous, *self._guests.values()]:
            if guest.up or guest.down or guest.begun:
                rows.append(UsageRow(invite=guest.id, day=day, up=guest.up, down=guest.down, sessions=guest.begun))
                guest.up = guest.down = guest.begun = 0
        return rows


def _next_month(day: datetime.date) -> datetime.date:
    return (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
