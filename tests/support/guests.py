"""The invites of a host, without a database: a test revokes them, as `freespan invite` does."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from freespan.access.guests import Guest, Guests
from freespan.access.limits import InviteLimits
from freespan.access.records import InviteRecord, Snapshot
from freespan.access.tokens import Tokens

TOKENS = Tokens(bytes(32))
DAY = 86_400.0
"""What the clock of the host says: seconds since 1970."""


def record(name: str, revoked: str | None = None, **limits: int) -> InviteRecord:
    invite_id = name.encode().ljust(8, b"-")
    return InviteRecord(id=invite_id, name=name, created="2026-11-01", revoked=revoked, limits=InviteLimits(**limits))


def token(name: str) -> bytes:
    return TOKENS.issue(record(name).id)


@dataclass
class List:
    """The invites of a host; a test changes them, as `freespan invite` does."""

    guests: Guests
    records: dict[str, InviteRecord]

    def revoke(self, name: str) -> None:
        self.records[name] = dataclasses.replace(self.records[name], revoked="2026-11-30")
        self.guests.apply(Snapshot(tuple(self.records.values()), {}))

    def of(self, name: str) -> Guest:
        guest = self.guests.guest(record(name).id)
        assert guest is not None
        return guest


def a_list(*records: InviteRecord, is_open: bool = False, now: Callable[[], float] = lambda: DAY) -> List:
    guests = Guests(TOKENS, is_open=is_open, now=now, monotonic=lambda: asyncio.get_running_loop().time())
    guests.apply(Snapshot(records, {}))
    return List(guests, {each.name: each for each in records})
