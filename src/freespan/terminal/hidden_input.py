"""Lines that a person types or pastes at a terminal, and that are not shown."""

from __future__ import annotations

import contextlib
import getpass
import os
import select
import sys
from collections.abc import Iterator

PASTED_SECONDS = 0.2
"""The lines of a text that is pasted come at once: after so long without one, there are no more."""
_LINES_MAX = 2_000


@contextlib.contextmanager
def hidden_lines(prompt: str) -> Iterator[Iterator[str]]:
    """Ask once; then the lines that follow, each without its end, as long as there are any.

    What was pasted and not read is thrown away at the end of the block, since a shell would run it and keep it.
    """
    try:
        import termios
    except ImportError:  # Windows
        yield _one_line(prompt)
        return
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        terminal = os.dup(sys.stdin.fileno())
    try:
        before = termios.tcgetattr(terminal)
        silent = [*before]
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
        try:
            _show(terminal, prompt)
            yield _lines(terminal)
        finally:
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
            _show(terminal, "\n")
    finally:
        os.close(terminal)


def _one_line(prompt: str) -> Iterator[str]:
    with contextlib.suppress(EOFError):
        yield getpass.getpass(prompt)


def _lines(terminal: int) -> Iterator[str]:
    """Each read of a terminal gives one line, or its beginning if it is too long."""
    waiting, kept = None, b""
    for _ in range(_LINES_MAX):
        if not select.select([terminal], [], [], waiting)[0]:
            break
        part = os.read(terminal, 65_536)
        if not part:
            break
        *ended, kept = (kept + part).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in ended)
        waiting = PASTED_SECONDS
    if kept:
        yield kept.decode("utf-8", "replace")


def _show(terminal: int, text: str) -> None:
    try:
        os.write(terminal, text.encode())
    except OSError:  # it was opened for reading
        sys.stderr.write(text)
        sys.stderr.flush()
