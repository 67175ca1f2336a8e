"""The one error of this room."""

from __future__ import annotations

from freespan.wire.errors import FreespanError


class BrowserError(FreespanError):
    """A browser did not start or answer in time, or a script in a page failed; one line of text."""
