"""What of a text may reach a terminal, and how much place it takes there. Pure.

A terminal obeys some characters and shows the others. Names of files, hosts and invites, and whatever a server has
sent, are somebody else's, so nothing that a terminal obeys gets through:

    a blank            for tabs, and for ends of lines where one line is wanted
    a question mark    (U+FFFD) for other controls (C0, DEL, C1) and halves of characters: an escape sequence shows
    nothing            for what is not seen and changes what is: the direction of writing, soft hyphens, tags
    itself             for the rest, and for the joiners, without which Persian and Sinhala are misspelt
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_SEEN_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Signs of Arabic, Syriac and Kaithi which stand before numbers: Unicode calls them invisible, and they are not."""
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def one_line(text: str) -> str:
    """The text as one line that may be shown."""
    return text if text.isprintable() else "".join(map(_shown, text))


def lines(text: str) -> str:
    """The same for a text whose lines are meant: ends of lines stay."""
    return text if text.isprintable() else "\n".join(map(one_line, text.split("\n")))


def columns(rows: Sequence[Sequence[str]], widest: int | None = None) -> list[str]:
    """The rows of a table as lines, with two blanks between columns; a letter of Chinese takes two places.

    With `widest`, a cell that is wider pushes the rest of its row aside, and not that of all rows.
    """
    from rich.cells import cell_len  # not at once: most commands have no table

    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    widths = [width if widest is None else min(width, widest) for width in widths]
    padded = ([cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)] for row in shown)
    return ["  ".join(row).rstrip() for row in padded]


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS or character in _SEEN_FORMATS:
        return character
    match unicodedata.category(character):
        case "Cf":
            return ""
        case "Cc" | "Zl" | "Zp":
            return " " if character.isspace() else _UNKNOWN
        case "Cs":
            return _UNKNOWN
        case _:  # other blanks, and what a later Unicode may know
            return character
