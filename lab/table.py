"""Results as a table for the terminal, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from lab.scenario import Result

_COLUMNS = ("scenario", "direct", "through freespan", "transport", "first byte", "MB/s")
_WIDTHS = (16, 10, 44, 9, 11, 7)


def header() -> str:
    """Return the first line of the table."""
    return _line(_COLUMNS)


def row(result: Result) -> str:
    """Return one line of the table."""
    first = "" if result.first_byte_s is None else f"{result.first_byte_s:.3f} s"
    rate = "" if result.mb_s is None else f"{result.mb_s:.2f}"
    return _line((result.scenario, result.direct, result.freespan, result.transport, first, rate))


def figures(result: Result) -> str:
    """Return the figures of a study, as a line below its row."""
    return "  " + ", ".join(f"{name} {value:g}" for name, value in result.figures.items())


def _line(cells: Sequence[str]) -> str:
    return "  ".join(_fit(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def _fit(text: str, width: int) -> str:
    return (text if len(text) <= width else text[: width - 1] + "…").ljust(width)


def as_json(results: Sequence[Result]) -> str:
    """Return the content of `results.json`."""
    return json.dumps([result.as_json() for result in results], indent=2) + "\n"
