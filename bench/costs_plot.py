"""A bar chart of what helping costs a visitor's machine: CPU, and memory beyond that of the page alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bench.figures import Value

_WIDTH, _BAR, _GAP, _LEFT, _TOP = 940, 24, 10, 330, 56
_WIDEST = 460
_COLOURS = {"chromium": "#2b7a4b", "firefox": "#c2621b"}
_GREY, _INK = "#667", "#223"
_CPU = {"waiting": "waiting_cpu_percent", "passing 1 MB/s": "1mb_s_cpu_percent"}
_MEMORY = {"waiting": "waiting_mb_memory", "passing 1 MB/s": "1mb_s_mb_memory"}


def costs_svg(values: Mapping[str, Value]) -> str:
    """Return the chart of the figures of the group `switch` as SVG; missing figures are left out."""
    cpu = {
        f"{kind.capitalize()}, {state}": (kind, value)
        for kind in _COLOURS
        for state, name in _CPU.items()
        if (value := _number(values, f"{kind}_{name}")) is not None
    }
    memory = {
        f"{kind.capitalize()}, {state}": (kind, value - off)
        for kind in _COLOURS
        for state, name in _MEMORY.items()
        if (value := _number(values, f"{kind}_{name}")) is not None
        and (off := _number(values, f"{kind}_off_mb_memory")) is not None
    }
    parts: list[str] = []
    bottom = _panel(parts, 0, "CPU of the whole browser, % of one core", cpu)
    bottom = _panel(parts, bottom, "Memory beyond that of the page alone, MB", memory)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{_WIDTH}" height="{bottom}" fill="#fff"/>', *parts, "</svg>", ""])


def _panel(parts: list[str], top: int, title: str, bars: Mapping[str, tuple[str, float]]) -> int:
    """Add one group of labelled bars; returns the height at which it ends."""
    parts.append(_text(16, top + 32, title, size=18))
    longest = max((value for _, value in bars.values()), default=0.0)
    y = top + _TOP
    for label, (kind, value) in bars.items():
        length = max(1.0, round(_WIDEST * value / longest, 1)) if longest > 0 else 1.0
        parts.append(_text(_LEFT - 12, y + 17, label, fill=_GREY, anchor="end"))
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{length}" height="{_BAR}" fill="{_COLOURS[kind]}"/>')
        parts.append(_text(_LEFT + length + 10, y + 17, f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"))
        y += _BAR + _GAP
    return y + _GAP


def _number(values: Mapping[str, Value], name: str) -> float | None:
    value = values.get(name)
    return float(value) if isinstance(value, float | int) else None


def _text(x: float, y: float, text: str, *, fill: str = _INK, size: int = 14, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}" text-anchor="{anchor}">{text}</text>'
