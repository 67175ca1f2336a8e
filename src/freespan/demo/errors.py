"""What can go wrong on the demo's own stage."""

from __future__ import annotations

from freespan.wire.errors import FreespanError


class DemoError(FreespanError):
    """A step of the demo did not hold; the text is one line with the cause."""


class NoNameError(DemoError):
    """The first bytes of a connection ask for no name that the censor can read."""


def one_line(error: BaseException, limit: int = 200) -> str:
    """Return the error as one line of at most `limit` characters; never empty."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"
