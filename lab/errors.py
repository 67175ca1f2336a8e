"""The lab's own error. Pure."""

from __future__ import annotations

from freespan.wire.errors import FreespanError


class LabError(FreespanError):
    """The lab cannot do what was asked; the text is one line with the cause and what to do."""
