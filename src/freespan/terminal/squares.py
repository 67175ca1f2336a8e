"""Black and white squares, such as those of a QR code, in characters. Pure.

Two rows of squares share a line, with blocks of half a line, where the terminal's letters include those. Otherwise each
square is two blanks wide, and the colour behind them makes it black or white: that needs twice the place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

BLOCKS = "█▀▄"
_OF_TWO = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
_WHITE_ON_BLACK, _WHITE, _BLACK, _USUAL = "\x1b[97;40m", "\x1b[107m", "\x1b[40m", "\x1b[0m"


def in_blocks(is_white: Sequence[Sequence[bool]], *, colours: bool) -> list[str]:
    """The squares as wide as they are many; with colours they are white on black, whatever the terminal's own are."""
    rows = itertools.zip_longest(is_white[::2], is_white[1::2], fillvalue=[False] * len(is_white[0]))
    drawn = ("".join(_OF_TWO[pair] for pair in zip(upper, lower, strict=True)) for upper, lower in rows)
    return [f"{_WHITE_ON_BLACK}{line}{_USUAL}" if colours else line for line in drawn]


def in_colours(is_white: Iterable[Sequence[bool]]) -> list[str]:
    """The squares twice as wide as they are many, in colours alone."""
    return ["".join(f"{_WHITE if white else _BLACK}  " for white in row) + _USUAL for row in is_white]
