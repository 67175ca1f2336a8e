"""Lines, marks and squares, on streams of any kind."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from freespan.terminal.encoding import can_write, never_fail
from freespan.terminal.output import Mark, OutputError, print_check, print_error, print_json, print_line, print_squares

ENCODINGS = ["cp1251", "cp866", "cp1252", "cp437", "koi8-r", "latin-1", "ascii", "utf-8", "shift_jis"]
MORE_ENCODINGS = ["cp1256", "gb18030", "big5", "cp850", "iso2022_jp", "mac_roman", "tis-620", "utf-16"]
TEXT = "● ✓ ✗ ↓ ↑ … — é ж 读 א e\u0301 \N{REPLACEMENT CHARACTER} \U0001f469\u200d\U0001f4bb \udcff"

Stream = Callable[..., "Written"]


class Written(io.TextIOWrapper):
    """A stream of an encoding, which says that it is a terminal."""

    def __init__(self, encoding: str, *, is_terminal: bool = True) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, newline="\n")
        self._is_terminal = is_terminal
        never_fail(self)

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode(self.encoding)


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> Stream:
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "CLICOLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def make(encoding: str, *, term: str = "xterm", columns: str = "80", is_terminal: bool = True) -> Written:
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("COLUMNS", columns)
        stream = Written(encoding, is_terminal=is_terminal)
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return make


@pytest.mark.parametrize("encoding", ENCODINGS + MORE_ENCODINGS)
def test_every_encoding_gets_every_line(stdout: Stream, encoding: str) -> None:
    stream = stdout(encoding)
    print_line(TEXT)
    print_error(TEXT)
    print_json({"text": TEXT})
    for mark in Mark:
        print_check(mark, "the broker answers")
    said = stream.text
    assert said.count("the broker answers") == len(Mark)
    assert "\ufffd]" not in said
    assert json.loads(next(line for line in said.splitlines() if line.startswith("{"))) == {"text": TEXT}


def test_letters_that_are_missing_become_ascii(stdout: Stream) -> None:
    stream = stdout("ascii")
    print_line("● ✓ ✗ a… é e\u0301 ﬁ № “x” a\u200cb ж")
    assert stream.text == '* + x a... e e fi No "x" ab ?\n'


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r"])
def test_letters_that_are_there_stay(stdout: Stream, encoding: str) -> None:
    stream = stdout(encoding)
    print_line("мост работает ✓")
    assert stream.text == "мост работает +\n"


def test_names_are_cleaned(stdout: Stream) -> None:
    stream = stdout("utf-8")
    print_line("a\x1b]0;title\x07b\nsecond")
    print_error("the site answered 404 \x9b2J\u202eno\nmore")
    print_json({"name": "\x1b\x7f\x9b\u202e"})
    assert stream.text.splitlines() == [
        "a\ufffd]0;title\ufffdb",
        "second",
        "freespan: the site answered 404 \ufffd2Jno more",
        r'{"name": "\u001b\u007f\u009b\u202e"}',
    ]


@pytest.mark.parametrize(
    ("encoding", "term", "line"),
    [
        ("utf-8", "xterm", "\x1b[32m✓\x1b[0m TLS"),
        ("utf-8", "dumb", "✓ TLS"),
        ("cp1251", "xterm", "[good] TLS"),
        ("ascii", "dumb", "[good] TLS"),
    ],
)
def test_a_mark_is_a_word_where_there_are_no_signs(stdout: Stream, encoding: str, term: str, line: str) -> None:
    stream = stdout(encoding, term=term)
    print_check(Mark.GOOD, "TLS")
    assert stream.text == line + "\n"


SQUARES = [[True, False, True], [False, False, True], [True, True, True]]
BLOCKS = ["▀ █", "▀▀▀"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp437", "cp866", "koi8-r", "cp850"])
def test_squares_in_blocks(stdout: Stream, encoding: str) -> None:
    stream = stdout(encoding)
    assert print_squares(SQUARES) == ""
    assert stream.text.splitlines() == [f"\x1b[97;40m{line}\x1b[0m" for line in BLOCKS]


@pytest.mark.parametrize("encoding", ["cp1251", "cp1252", "latin-1", "ascii", "shift_jis"])
def test_squares_in_colours_where_there_are_no_blocks(stdout: Stream, encoding: str) -> None:
    stream = stdout(encoding)
    assert print_squares(SQUARES) == ""
    white, black = "\x1b[107m  ", "\x1b[40m  "
    assert stream.text.splitlines()[0] == f"{white}{black}{white}\x1b[0m"


def test_squares_at_an_old_console_of_windows_have_no_codes(stdout: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.console.detect_legacy_windows", lambda: True)
    stream = stdout("cp866")
    assert print_squares(SQUARES) == ""
    assert stream.text.splitlines() == BLOCKS


def test_squares_in_neither(stdout: Stream) -> None:
    stream = stdout("cp1251", term="dumb")
    assert print_squares(SQUARES) == "its letters do not include blocks"
    assert stream.text == ""


@pytest.mark.parametrize(("encoding", "needed"), [("utf-8", 60), ("ascii", 120)])
def test_squares_that_a_terminal_would_break_are_not_drawn(stdout: Stream, encoding: str, needed: int) -> None:
    stream = stdout(encoding, columns=str(needed - 1))
    wide = [[True] * 60] * 60
    assert print_squares(wide) == f"it has less than {needed} columns"
    assert stream.text == ""
    stdout(encoding, columns=str(needed))
    assert print_squares(wide) == ""


def test_squares_in_a_file_have_no_colours_and_any_width(stdout: Stream) -> None:
    stream = stdout("utf-8", columns="20", is_terminal=False)
    assert print_squares([[True] * 60] * 2) == ""
    assert stream.text == "█" * 60 + "\n"


# --- streams that cannot be written ----------------------------------------------------------------

PROGRAM = """
import sys
from freespan.terminal.output import *
set_up_streams()
try:
    print_line("a line")
    print_error("an error")
except OutputError as error:
    print_error(str(error))
    sys.exit(1)
except BrokenPipeError:
    sys.exit(1)
"""


def run(redirection: str) -> tuple[int, str]:
    line = ["sh", "-c", f'exec "$0" -c "$1" {redirection}', sys.executable, PROGRAM]
    done = subprocess.run(line, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=30, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")
@pytest.mark.parametrize(
    ("redirection", "outcome"),
    [
        (">/dev/full", (1, "freespan: the output cannot be written: no space left on device\n")),
        (">&-", (0, "freespan: an error\n")),
        (">&- 2>&-", (0, "")),
        ("</dev/null >&- 2>/dev/full", (0, "")),
    ],
)
def test_a_stream_that_cannot_be_written_is_no_traceback(redirection: str, outcome: tuple[int, str]) -> None:
    assert run(redirection) == outcome


def test_an_error_never_goes_to_standard_output(monkeypatch: pytest.MonkeyPatch, stdout: Stream) -> None:
    stream = stdout("utf-8")
    monkeypatch.setattr(sys, "stderr", None)
    print_error("an error")
    assert stream.text == ""


def test_the_name_of_an_unknown_encoding_has_no_letters() -> None:
    stream = io.StringIO()
    assert not can_write(stream, "é")
    assert can_write(stream, "e")


def test_an_output_error_is_of_the_tree() -> None:
    assert str(OutputError("x")) == "x"
