"""Errors of the demo, and their form for people: one line."""

from __future__ import annotations

from freespan.wire.errors import FreespanError


class DemoError(FreespanError):
    """A part of the demo failed; the text is one line with the cause."""


def one_line(error: BaseException | str, limit: int = 200) -> str:
    """Return the error as one line of at most `limit` characters; never empty."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
