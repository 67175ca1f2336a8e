"""Logging that cannot betray a reader: whatever looks like an address, a name or an invite is blanked out.

Modules do not log such things in the first place; this is the second lock, for libraries and for tracebacks.
"""

from __future__ import annotations

import logging
import re

_SECRETS = (
    re.compile(r"freespan\d+_[\w-]+"),
    re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE),
    re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"),
    re.compile(r"\[?(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w+)?\]?(?![\w:])", re.IGNORECASE),
    # names, but neither modules nor files in a traceback
    re.compile(r"\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?!py\b|js\b)[a-z]{2,}\b(?=[\s:,/'\")\]]|$)", re.IGNORECASE),
)
_BLANK = "[redacted]"
_FORMAT = "%(levelname)s %(name)s: %(message)s"


def redact(text: str) -> str:
    """Blank out invites, URLs, addresses and host names."""
    for secret in _SECRETS:
        text = secret.sub(_BLANK, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Redacts the whole record, traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one redacted text."""
        return redact(super().format(record))


def set_up_logging(*, verbose: bool = False) -> None:
    """Log to standard error: warnings, or with `verbose` also what is normal. Redacted either way."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(_FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("freespan").setLevel(logging.INFO if verbose else logging.WARNING)
    # aioquic warns of every oddity that a bridge may invent; that is the bridge's noise, not the host's trouble
    logging.getLogger("quic").setLevel(logging.ERROR)
