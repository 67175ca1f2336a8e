"""The invites in a data folder, for whoever runs its host: `freespan invite` is made of this.

It works while the host runs, which notices within half a second, and while it does not.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from freespan.access.invites import InviteStore
from freespan.access.limits import InviteLimits
from freespan.access.records import ANONYMOUS_ID, READER, InviteRecord, UsageRow
from freespan.api.host_invites import access_noted_in, today
from freespan.api.invite_writer import HostAddress, InviteWriter
from freespan.api.settings import OPEN
from freespan.tunnel.identity import load_or_create_identity

VALID, REVOKED, EXPIRED, USED_UP = "valid", "revoked", "expired", "used up"
"""The states of an invite; `used up` ends with the month."""


@dataclass(frozen=True)
class Used:
    """Bytes towards targets and from them, and sessions that began."""

    up: int = 0
    down: int = 0
    sessions: int = 0

    @property
    def bytes(self) -> int:
        """Both directions together."""
        return self.up + self.down

    def __add__(self, other: Used) -> Used:
        return Used(self.up + other.up, self.down + other.down, self.sessions + other.sessions)


@dataclass(frozen=True)
class InviteUsage:
    """What one invite has used, or everybody without one: then `record` is None."""

    record: InviteRecord | None
    month: Used
    total: Used

    @property
    def state(self) -> str:
        """One of the states above."""
        if self.record is None:
            return VALID
        limits = self.record.limits
        if self.record.revoked is not None:
            return REVOKED
        if limits.expires is not None and time.time() >= limits.expires:
            return EXPIRED
        return USED_UP if limits.quota is not None and self.month.bytes >= limits.quota else VALID


@dataclass(frozen=True)
class ShownInvite:
    """An invite with what is given to its reader: the text, and a link to the host's page that shows it."""

    usage: InviteUsage
    text: str
    link: str


class HostInvites:
    """The invites of one data folder. Everything raises `InputError` with one line where it cannot be done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._store = InviteStore(folder)

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    @property
    def is_open(self) -> bool:
        """Whether people without an invite may use the host, as it was started last."""
        return access_noted_in(self._store) == OPEN

    def create(self, name: str, limits: InviteLimits, kind: str = READER) -> ShownInvite:
        """Make an invite. Who may use the host without one stays as it is."""
        writer = self._writer()  # first: an invite that nobody can show is of no use
        return self._shown(writer, self._store.create(name, limits, kind=kind, today=today()))

    def show(self, name: str) -> ShownInvite:
        """An invite that was made before."""
        record = self._store.find(name)
        return self._shown(self._writer(), record)

    def revoke(self, name: str) -> InviteUsage:
        """Make an invite void. Its sessions end within a second."""
        return self._usage_of(self._store.revoke(name, today=today()))

    def all(self) -> list[InviteUsage]:
        """All invites in the order in which they were made; at the end, if anybody came so, those without one."""
        rows = self._rows_by_invite()
        found = [_summed(record, rows[record.id]) for record in self._store.records()]
        return found + ([_summed(None, rows[ANONYMOUS_ID])] if rows[ANONYMOUS_ID] else [])

    def days(self, name: str) -> tuple[InviteUsage, list[UsageRow]]:
        """One invite, and what it has used by day."""
        record = self._store.find(name)
        rows = self._rows_by_invite()[record.id]
        return _summed(record, rows), rows

    def _shown(self, writer: InviteWriter, record: InviteRecord) -> ShownInvite:
        return ShownInvite(self._usage_of(record), writer.text(record), writer.link(record))

    def _usage_of(self, record: InviteRecord) -> InviteUsage:
        return _summed(record, self._rows_by_invite()[record.id])

    def _rows_by_invite(self) -> defaultdict[bytes, list[UsageRow]]:
        rows: defaultdict[bytes, list[UsageRow]] = defaultdict(list)
        for row in self._store.usage():
            rows[row.invite].append(row)
        return rows

    def _writer(self) -> InviteWriter:
        address = HostAddress.noted_in(self._store)
        return InviteWriter(load_or_create_identity(self._folder), address)


@contextlib.contextmanager
def invites_in(folder: Path) -> Iterator[HostInvites]:
    """The invites in a data folder. Raises `InputError`, field `data`; one is that no host has run there yet."""
    with contextlib.closing(HostInvites(folder)) as invites:
        yield invites


def _summed(record: InviteRecord | None, rows: Sequence[UsageRow]) -> InviteUsage:
    first = today().replace(day=1).isoformat()
    return InviteUsage(record, _sum([row for row in rows if row.day >= first]), _sum(rows))


def _sum(rows: Sequence[UsageRow]) -> Used:
    return sum((Used(row.up, row.down, row.sessions) for row in rows), Used())
