"""What an invite allows, and how people write it: `30d`, `20GB/month`, `2MB/s`. Pure."""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass

from freespan.wire.errors import InputError

NAME_MAX = 64
"""Characters of the longest name of an invite."""
EXPIRES_MAX = 3_650 * 86_400
"""Seconds of the longest life of an invite that expires at all."""
QUOTA_MIN = 10**6
RATE_MIN = 16_000
"""Bytes a second; with less, hardly a page arrives."""
_AMOUNT_MAX = 10**18
"""What a database can hold, and nobody uses up."""
SESSIONS_MAX = 10_000

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""They belong to words of Persian and many other languages, and are no difference between two names."""
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Control and format characters, lone halves of pairs, private and unknown ones, separators of lines."""
_AMOUNT = r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?"
_DURATION = re.compile(_AMOUNT + "(s|min|h|d|w)", re.ASCII)
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SIZE = re.compile(_AMOUNT + "(kB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_BYTES = {
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


@dataclass(frozen=True, kw_only=True)
class InviteLimits:
    """What an invite allows; None for no bound.

    Attributes:
        expires: the moment from which it is void, in seconds since 1970 (UTC).
        quota: bytes in a calendar month (UTC), uploads and downloads together.
        rate: bytes a second of all its sessions together.
        sessions: sessions at a time.
    """

    expires: int | None = None
    quota: int | None = None
    rate: int | None = None
    sessions: int | None = None


def parse_expires(text: str, now: float) -> int:
    """The moment that `30d`, `12h` or `2026-12-31` names, in seconds since 1970; a day counts to its end (UTC).

    Raises:
        InputError: field `expires`.
    """
    compact = text.strip()
    if found := _DURATION.fullmatch(compact):
        seconds = float(found[1]) * _SECONDS[found[2]]
    elif _DAY.fullmatch(compact):
        seconds = _end_of_day(compact) - now
    else:
        raise InputError("expires", "must be a time such as 30d, 12h or 2w, or a day such as 2027-06-30")
    if seconds <= 0:
        raise InputError("expires", "must be in the future")
    if seconds > EXPIRES_MAX:
        raise InputError("expires", f"must be at most {EXPIRES_MAX // 86_400}d")
    return int(now + seconds)


def parse_quota(text: str) -> int:
    """The bytes of a month that `20GB/month` names. Raises `InputError`, field `quota`."""
    size = _size_before(text, "/month")
    if size is None:
        raise InputError("quota", "must be a size for each month, such as 20GB/month")
    return _within("quota", size, QUOTA_MIN, "1MB/month")


def parse_rate(text: str) -> int:
    """The bytes a second that `2MB/s` names. Raises `InputError`, field `rate`."""
    size = _size_before(text, "/s")
    if size is None:
        raise InputError("rate", "must be a size for each second, such as 2MB/s or 500kB/s")
    return _within("rate", size, RATE_MIN, "16kB/s")


def check_sessions(number: int) -> int:
    """Return a number of sessions that can be kept. Raises `InputError`, field `sessions`."""
    if not 1 <= number <= SESSIONS_MAX:
        raise InputError("sessions", f"must be from 1 to {SESSIONS_MAX}")
    return number


def check_name(name: str) -> str:
    """Return the name of an invite in the one form (NFC) that is kept.

    Raises:
        InputError: field `name`; it is empty, too long, or has characters that cannot be seen.
    """
    normal = unicodedata.normalize("NFC", name)
    if not normal.strip(f" {_JOINERS}"):
        raise InputError("name", "must not be empty")
    if len(normal) > NAME_MAX:
        raise InputError("name", f"must have at most {NAME_MAX} characters")
    if any(unicodedata.category(each) in _INVISIBLE and each not in _JOINERS for each in normal):
        raise InputError("name", "must not have characters that cannot be seen")
    if normal != normal.strip():
        raise InputError("name", "must not begin or end with a space")
    if normal.startswith("-"):
        raise InputError("name", "must not begin with a hyphen")
    return normal


def name_key(name: str) -> str:
    """What two names have in common that people would not tell apart: they differ in capitals or joiners alone."""
    plain = "".join(each for each in name if each not in _JOINERS)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())


def _end_of_day(text: str) -> float:
    try:
        day = datetime.date.fromisoformat(text)
        end = datetime.datetime.combine(day, datetime.time(), datetime.UTC) + datetime.timedelta(days=1)
    except (ValueError, OverflowError):
        raise InputError("expires", "is no day of the calendar") from None
    return end.timestamp()


def _size_before(text: str, unit: str) -> int | None:
    compact = text.strip()
    if not compact.endswith(unit):
        return None
    found = _SIZE.fullmatch(compact.removesuffix(unit).rstrip())
    return int(float(found[1]) * _BYTES[found[2]]) if found else None


def _within(field: str, size: int, low: int, low_text: str) -> int:
    if size < low:
        raise InputError(field, f"must be at least {low_text}")
    if size > _AMOUNT_MAX:
        raise InputError(field, "is too much to be a bound: leave it out")
    return size
