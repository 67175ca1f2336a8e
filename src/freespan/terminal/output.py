"""Lines for people and for programs, on standard output and standard error.

Everything that a command says goes through here (or through `live.py`), so that it is said wherever it is run:

    whose name it is      what a terminal would obey is taken out (`text.py`)
    any encoding          what it lacks becomes ASCII (`encoding.py`)
    no stream at all      (`>&-`, a service, a program of Windows without a console) is like one that nobody reads
    nobody reads on       (`| head`) ends the command without a word
    it cannot be written  (a full disk) is one line on standard error
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from freespan.terminal.abilities import Abilities, abilities_of
from freespan.terminal.encoding import can_write, never_fail
from freespan.terminal.squares import BLOCKS, in_blocks, in_colours
from freespan.terminal.text import lines, one_line
from freespan.wire.errors import FreespanError

if TYPE_CHECKING:
    from rich.console import Console

_INVITE = re.compile(r"freespan[0-9]{1,4}_[\w-]{8,}", re.IGNORECASE)
_drawn: list[Callable[[], None]] = []
"""What takes away a text that is drawn somewhere now, so that lines can be printed: see `drawn_until`."""
_NOBODY_READS = (errno.EPIPE, errno.EINVAL) if os.name == "nt" else (errno.EPIPE,)
"""Windows calls a broken pipe an invalid argument."""


class OutputError(FreespanError):
    """Standard output cannot be written."""


class Mark(Enum):
    """How a check came out: a sign, the word that stands for it where there are no signs, and a colour."""

    GOOD = ("✓", "good", "green")
    BAD = ("✗", "BAD", "bold red")
    UNSURE = ("●", "unsure", "yellow")
    SKIPPED = ("○", "skipped", "dim")


# --- lines ---------------------------------------------------------------------------------------


def print_line(text: str = "") -> None:
    """Print a text for a person. It may have several lines, so a name in it must have gone through `one_line`."""
    with writing():
        print(lines(text), flush=True)


def print_check(mark: Mark, text: str) -> None:
    """Print a line that begins with a mark."""
    sign, word, style = mark.value
    if not can_write(sys.stdout, "".join(each.value[0] for each in Mark)):
        print_line(f"[{word}] {one_line(text)}")
    elif not abilities().colours:
        print_line(f"{sign} {one_line(text)}")
    else:
        from rich.text import Text

        with writing():
            console_on(sys.stdout).print(Text.assemble((sign, style), " ", one_line(text)), soft_wrap=True)


def print_json(event: dict[str, object]) -> None:
    """Print one event as one line for a program: ASCII, and nothing in it that a terminal would obey."""
    with writing():
        print(json.dumps(event).replace("\x7f", "\\u007f"), flush=True)


def print_error(text: str) -> None:
    """Print one line on standard error, whatever white space the text has, and without invites: it may be kept."""
    _print_on_stderr(f"freespan: {_INVITE.sub('(an invite)', ' '.join(one_line(text).split()))}")


def print_details(text: str) -> None:
    """Print lines on standard error, behind an error."""
    _print_on_stderr(lines(text))


def _print_on_stderr(text: str) -> None:
    if sys.stderr is not None:  # print would take standard output instead
        _make_way()
        with contextlib.suppress(OSError):
            print(text, file=sys.stderr, flush=True)


# --- streams -------------------------------------------------------------------------------------


def set_up_streams() -> None:
    """Make standard output and standard error fit to be written to, whatever they are. Called before anything else."""
    if sys.stdout is None:
        sys.stdout = _unread()
    if sys.stderr is None:
        sys.stderr = _unread()
    never_fail(sys.stdout)
    never_fail(sys.stderr)


def abilities(stream: TextIO | None = None) -> Abilities:
    """What a stream can do; standard output if none is named."""
    stream = sys.stdout if stream is None else stream
    is_terminal = stream is not None and not stream.closed and stream.isatty()
    return abilities_of(os.environ, is_terminal=is_terminal, is_windows=os.name == "nt")


def console_on(stream: TextIO, file: TextIO | None = None, *, width: int | None = None, quiet: bool = False) -> Console:
    """rich's console on a stream, as `abilities` says: rich has rules of its own for the environment.

    With `file`, it writes there what is meant for the stream.
    """
    from rich.console import Console

    can = abilities(stream)
    ours = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    for name in ("COLUMNS", "LINES"):
        if not environment.get(name, "").strip("0"):  # a terminal that does not know says 0
            environment.pop(name, None)
    return Console(
        file=stream if file is None else file,
        force_terminal=can.is_terminal or can.colours,
        force_interactive=can.moves,
        color_system="auto" if can.colours else None,
        width=width,
        quiet=quiet,
        highlight=False,
        _environ=environment,
    )


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Write to standard output during the block.

    Raises:
        BrokenPipeError: nobody reads on.
        OutputError: it cannot be written.
    """
    _make_way()
    try:
        yield
    except OSError as error:
        _give_up(sys.stdout)
        if error.errno in _NOBODY_READS:
            raise BrokenPipeError from None
        raise OutputError(f"the output cannot be written: {(error.strerror or 'input/output error').lower()}") from None


@contextlib.contextmanager
def drawn_until(clear: Callable[[], None]) -> Iterator[None]:
    """For the length of the block something is drawn on a terminal; `clear` takes it away until it is drawn anew."""
    _drawn.append(clear)
    try:
        yield
    finally:
        _drawn.remove(clear)


def _make_way() -> None:
    for clear in _drawn:
        clear()


def _give_up(stream: TextIO) -> None:
    """Let what is left in the stream's buffer go nowhere: Python would try to write it at its end, and complain."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _unread() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


# --- pictures ------------------------------------------------------------------------------------


def print_squares(is_white: Sequence[Sequence[bool]]) -> str:
    """Print black and white squares. Returns why it cannot be done here: empty if it was."""
    console = console_on(sys.stdout)
    colours = abilities().colours and not console.legacy_windows  # that would print the codes of colours
    width, has_blocks = len(is_white[0]), can_write(sys.stdout, BLOCKS)
    if not has_blocks and not colours:
        return "its letters do not include blocks"
    needed = width if has_blocks else 2 * width
    if abilities().is_terminal and needed > console.width:
        return f"it has less than {needed} columns"
    drawn = in_blocks(is_white, colours=colours) if has_blocks else in_colours(is_white)
    with writing():
        print("\n".join(drawn), flush=True)
    return ""
