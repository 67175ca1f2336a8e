"""Results as a plot for the docs, in SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence

from lab.scenario import Result

_ROW, _TOP, _NAME_WIDTH, _BAR_WIDTH, _GAP = 30, 74, 150, 250, 90
_COLOURS = {"ok": "#2b7a4b", "blocked": "#b3261e", "throttled": "#b26a00"}
_BLUE, _GREY = "#2f5fa8", "#667"


def as_svg(results: Sequence[Result]) -> str:
    """Plot for each scenario the result of direct access, and the time to the first byte and the rate by freespan."""
    first_max = max((result.first_byte_s or 0 for result in results), default=0) or 1
    rate_max = max((result.mb_s or 0 for result in results), default=0) or 1
    first_x, rate_x = _NAME_WIDTH + 110, _NAME_WIDTH + 110 + _BAR_WIDTH + _GAP
    width, height = rate_x + _BAR_WIDTH + _GAP, _TOP + _ROW * len(results) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _text(16, 28, "The lab: what a blocked reader gets", size=18),
        _text(_NAME_WIDTH, 58, "direct", fill=_GREY),
        _text(first_x, 58, "freespan: seconds to the first byte", fill=_GREY),
        _text(rate_x, 58, "freespan: MB/s", fill=_GREY),
    ]
    for number, result in enumerate(results):
        y = _TOP + _ROW * number
        parts.append(_text(16, y + 16, result.scenario))
        parts.append(_text(_NAME_WIDTH, y + 16, result.direct, fill=_COLOURS.get(result.direct, _GREY)))
        if result.first_byte_s is None:
            parts.append(_text(first_x, y + 16, result.freespan, fill=_COLOURS["blocked"], size=12))
            continue
        parts += _bar(first_x, y, result.first_byte_s / first_max, f"{result.first_byte_s:.2f}", _BLUE)
        if result.mb_s is not None:
            parts += _bar(rate_x, y, result.mb_s / rate_max, f"{result.mb_s:.2f}", _COLOURS["ok"])
    return "\n".join([*parts, "</svg>", ""])


def _bar(x: int, y: int, share: float, label: str, fill: str) -> list[str]:
    length = max(2, round(share * _BAR_WIDTH))
    return [
        f'<rect x="{x}" y="{y + 3}" width="{length}" height="{_ROW - 12}" rx="2" fill="{fill}"/>',
        _text(x + length + 8, y + 16, label),
    ]


def _text(x: int, y: int, text: str, *, fill: str = "#223", size: int = 14) -> str:
    return f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}">{html.escape(text)}</text>'
