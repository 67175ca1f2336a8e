"""Streams whose encoding lacks a letter write something legible in its place, and never fail because of it.

A reader's console may speak cp1251 or cp866, and a file koi8-r; what they lack becomes ASCII: signs by a table, letters
without their accents, and a question mark for the rest.
"""

from __future__ import annotations

import codecs
import io
import unicodedata
from typing import TextIO

_HANDLER = "freespan-ascii"
_SIGNS = {
    "✓": "+",
    "✗": "x",
    "✂": "x",
    "×": "x",
    "●": "*",
    "•": "*",
    "·": ".",
    "○": "o",
    "⠋": "*",
    "─": "-",
    "━": "-",
    "│": "|",
    "╭": ".",
    "╮": ".",
    "╰": "'",
    "╯": "'",
    "▶": ">",
    "▲": "^",
    "→": ">",
    "←": "<",
    "“": '"',
    "”": '"',
    "„": '"',
    "«": '"',
    "»": '"',
    "‘": "'",
    "’": "'",
    "‚": "'",
    "‹": "'",
    "›": "'",
    "…": "...",
    "–": "-",
    "—": "--",
    "‐": "-",
    "‑": "-",
    "↓": "down",
    "↑": "up",
    "\N{REPLACEMENT CHARACTER}": "?",
}


def never_fail(stream: TextIO | None) -> None:
    """Have a stream write ASCII in place of what its encoding lacks."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_HANDLER)


def can_write(stream: TextIO | None, text: str) -> bool:
    """Whether the encoding of a stream has all of this."""
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def encoded(stream: TextIO, text: str) -> bytes:
    """The text as the stream would write it."""
    return text.encode(stream.encoding or "ascii", _HANDLER)


def writable(stream: TextIO, text: str) -> str:
    """The text as it comes out of the stream: what stands in place of a letter may be longer."""
    if can_write(stream, text):
        return text
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, _HANDLER).decode(encoding)


def _as_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_ascii_of, error.object[error.start : error.end])), error.end


def _ascii_of(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain if plain.isprintable() and plain else "?"


codecs.register_error(_HANDLER, _as_ascii)
