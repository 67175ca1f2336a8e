"""What stands on a terminal after some output, as far as this program moves the cursor."""

from __future__ import annotations

import re

from rich.cells import cell_len

_PARTS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(.)", re.DOTALL)


class Screen:
    """A terminal of endless height that breaks lines as xterm does: before the letter that has no place."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._rows: list[list[str]] = [[]]
        self._row = self._column = 0

    def feed(self, text: str) -> Screen:
        for parameters, command, letter in _PARTS.findall(text):
            if command:
                self._obey(command, parameters)
            else:
                self._put(letter)
        return self

    def lines(self) -> list[str]:
        """The lines, without blanks at their ends and without empty ones at the end."""
        found = ["".join(row).rstrip() for row in self._rows]
        while found and not found[-1]:
            found.pop()
        return found

    def _obey(self, command: str, parameters: str) -> None:
        if command == "A":
            self._row = max(0, self._row - int(parameters or 1))
        elif (command, parameters) == ("K", "2"):
            self._rows[self._row] = []
        else:
            assert command in "mhl", f"unknown: {command} {parameters}"  # colours, and whether the cursor is seen

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._next()
        else:
            assert letter.isprintable() or letter in "\u200c\u200d", repr(letter)
            width = cell_len(letter)
            if not width:
                self._rows[self._row][self._column - 1] += letter
                return
            if self._column + width > self._columns:
                self._next()
                self._column = 0
            row = self._rows[self._row]
            row += [" "] * (self._column - len(row))
            row[self._column : self._column + width] = [letter, *[""] * (width - 1)]
            self._column += width

    def _next(self) -> None:
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])
