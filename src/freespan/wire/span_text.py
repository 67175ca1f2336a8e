"""Spans of time in words. Pure."""

from __future__ import annotations

_UNITS = (("year", 31_557_600.0), ("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0))


def span_text(seconds: float) -> str:
    """`3 days`, `1 hour`, `40 minutes`: the largest unit of which there is about one, rounded."""
    for name, size in _UNITS:
        if seconds >= size * (1.5 if name == "year" else 0.95):
            count = round(seconds / size)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"
