"""Why a host does not admit somebody with an invite: the codes that travel, and the sentence for each."""

from __future__ import annotations

import datetime

INVITE_REQUIRED = "invite_required"
"""The host takes invited readers only, and whoever came has no invite."""
INVITE_UNKNOWN = "invite_unknown"
"""The invite is of another host, or forged, or the host has lost its list."""
INVITE_REVOKED = "invite_revoked"
INVITE_EXPIRED = "invite_expired"
INVITE_QUOTA = "invite_quota"
"""The quota of this month is used up. `amount` is the quota in bytes, `again` the first day of the next month."""
INVITE_SESSIONS = "invite_sessions"
"""All sessions of the invite are in use. `amount` is their number."""

ADMISSION_CODES = (
    INVITE_REQUIRED,
    INVITE_UNKNOWN,
    INVITE_REVOKED,
    INVITE_EXPIRED,
    INVITE_QUOTA,
    INVITE_SESSIONS,
)
"""All of them. Their order is part of the protocol: it may only grow at the end."""

_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""The names that a date has in a sentence; `strftime` would use the language of the system."""


def admission_sentence(code: str, amount: int = 0, again: str = "") -> str:
    """What a person reads who is not admitted; a code that is not known here gets a general sentence."""
    sentences = {
        INVITE_REQUIRED: "this host takes invited readers only: ask whoever runs it for an invite",
        INVITE_UNKNOWN: "this host does not know the invite: ask whoever gave it to you for a new one",
        INVITE_REVOKED: "this invite was revoked by the host: ask for a new one",
        INVITE_EXPIRED: "this invite has expired: ask for a new one",
        INVITE_QUOTA: f"this invite has used up its {size_text(amount)} of this month{_again(again)}",
        INVITE_SESSIONS: "this invite is in use on as many devices as the host allows: stop one of them first",
    }
    return sentences.get(code, "the host does not admit this invite: ask whoever gave it to you")


def size_text(size: float) -> str:
    """A number of bytes as people write it, with at most one decimal: `20 GB`, `1.5 MB`, `12 bytes`."""
    for unit, bytes_each in _UNITS:
        if round(size / bytes_each, 1) >= 1:
            return f"{round(size / bytes_each, 1):.1f}".removesuffix(".0") + f" {unit}"
    return "1 byte" if size == 1 else f"{size:.0f} bytes"


def _again(day: str) -> str:
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:
        return ""
    return f": it works again on {date.day} {_MONTHS[date.month - 1]}"
