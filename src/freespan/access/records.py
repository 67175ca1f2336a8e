"""What the database of invites holds, as the rest of the program sees it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from freespan.access.limits import InviteLimits

READER, PAGE = "reader", "page"
KINDS = (READER, PAGE)
ANONYMOUS_ID = b""
"""Stands in the usage for everybody without an invite together."""
DAYS_KEPT = 100
"""Usage that is older is kept as one sum for each invite."""


@dataclass(frozen=True, kw_only=True)
class InviteRecord:
    """One invite as it is kept.

    Attributes:
        kind: `reader`, or `page` for a page that reads by itself.
        created, revoked: days (ISO 8601, UTC); `revoked` is None for one that is not.
    """

    id: bytes
    name: str
    kind: str = READER
    created: str
    limits: InviteLimits = field(default_factory=InviteLimits)
    revoked: str | None = None


@dataclass(frozen=True, kw_only=True)
class UsageRow:
    """What one invite has used on one day: bytes towards targets and from them, and sessions that began.

    `day` is a day of UTC (ISO 8601), or empty for all days that are more than `DAYS_KEPT` ago.
    """

    invite: bytes
    day: str
    up: int = 0
    down: int = 0
    sessions: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What a running host needs to know: all invites, and the bytes that each has used this month."""

    records: tuple[InviteRecord, ...]
    used: Mapping[bytes, int]
