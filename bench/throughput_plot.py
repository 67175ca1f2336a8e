"""A plot of a download: the throughput in each tenth of a second, and when bridges were killed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH, _HEIGHT = 940, 330
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 76, 24, 44
_BIN_SECONDS = 0.1
_GREEN, _RED, _GREY, _INK = "#2b7a4b", "#b3261e", "#667", "#223"


def throughput_svg(pieces: Sequence[tuple[float, int]], kills: Sequence[float]) -> str:
    """Return the plot as SVG.

    Args:
        pieces: seconds since the start, and number of bytes.
        kills: seconds since the start at which bridges were killed.
    """
    rates = _rates(pieces)
    seconds = max(len(rates) * _BIN_SECONDS, _BIN_SECONDS)
    highest = _round_up(max(rates, default=0.0))
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(at: float) -> float:
        return round(_LEFT + wide * at / seconds, 1)

    def y(rate: float) -> float:
        return round(_TOP + high * (1 - rate / highest), 1)

    steps = [
        f"{x(number * _BIN_SECONDS)},{y(rate)} {x((number + 1) * _BIN_SECONDS)},{y(rate)}"
        for number, rate in enumerate(rates)
    ]
    area = " ".join([f"{x(0)},{y(0)}", *steps, f"{x(seconds)},{y(0)}"])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(16, 28, "One download, while its bridges are killed and replaced", size=18),
        _text(16, 54, "MB/s at the reader, each 0.1 s", fill=_GREY),
        f'<line x1="300" y1="42" x2="300" y2="58" stroke="{_RED}" stroke-width="2" stroke-dasharray="4 3"/>',
        _text(310, 54, "SIGKILL to one of three bridges", fill=_GREY),
    ]
    for number in range(5):
        rate = highest * number / 4
        parts.append(
            f'<line x1="{_LEFT}" y1="{y(rate)}" x2="{_WIDTH - _RIGHT}" y2="{y(rate)}" stroke="#dde" stroke-width="1"/>'
        )
        parts.append(_text(_LEFT - 8, y(rate) + 5, f"{rate:g}", fill=_GREY, anchor="end"))
    parts.append(f'<polygon points="{area}" fill="{_GREEN}" fill-opacity="0.25" stroke="none"/>')
    parts.append(f'<polyline points="{" ".join(steps)}" fill="none" stroke="{_GREEN}" stroke-width="1.5"/>')
    parts += [
        f'<line x1="{x(at)}" y1="{_TOP - 8}" x2="{x(at)}" y2="{y(0)}" stroke="{_RED}" stroke-width="2" '
        'stroke-dasharray="4 3"/>'
        for at in kills
    ]
    parts += [
        _text(x(second), _HEIGHT - _BOTTOM + 20, f"{second}", fill=_GREY, anchor="middle")
        for second in range(0, int(seconds) + 1, 1 if seconds <= 12 else 5)
    ]
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 6, "seconds", fill=_GREY, anchor="end"))
    return "\n".join([*parts, "</svg>", ""])


def _rates(pieces: Sequence[tuple[float, int]]) -> list[float]:
    """Return 10^6 bytes a second in each bin."""
    bins = [0] * (int(max((at for at, _ in pieces), default=0.0) / _BIN_SECONDS) + 1)
    for at, length in pieces:
        bins[int(at / _BIN_SECONDS)] += length
    return [count / _BIN_SECONDS / 1e6 for count in bins]


def _round_up(rate: float) -> float:
    """Round up to a scale that can be divided by four."""
    return next((step for step in (1, 2, 4, 8, 12, 20, 40, 60, 80, 120, 200, 400) if step >= rate), 1000)


def _text(x: float, y: float, text: str, *, fill: str = _INK, size: int = 14, anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}" text-anchor="{anchor}">{text}</text>'
