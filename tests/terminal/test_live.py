"""A status that is drawn in its place, at terminals of all sizes; what they show is worked out from the bytes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from freespan.terminal import live
from freespan.terminal.encoding import never_fail
from freespan.terminal.live import show_status, showing_status
from freespan.terminal.output import print_line
from tests.support.programs import SECONDS
from tests.support.screen import Screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")

LONG = "the broker cannot be reached; next try in 5 s"


class Pty:
    """A terminal: what is written to `stream` arrives in `bytes`, as long as `reads` is set."""

    def __init__(self, columns: int, encoding: str) -> None:
        self._ours, its = os.openpty()
        self.resize(columns)
        self.stream: TextIO = os.fdopen(its, "w", encoding=encoding, newline="\n")
        never_fail(self.stream)
        self.bytes = b""
        self.reads = threading.Event()
        self.reads.set()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns: int) -> None:
        import fcntl
        import termios

        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while self.reads.wait() and (data := os.read(self._ours, 4_096)):
                with self._changed:
                    self.bytes += data
                    self._changed.notify_all()

    def shows(self, columns: int) -> list[str]:
        return Screen(columns).feed(self.bytes.decode(self.stream.encoding)).lines()

    async def until(self, part: str) -> None:
        wanted = part.encode(self.stream.encoding)

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: wanted in self.bytes, SECONDS)

        assert await asyncio.to_thread(wait), self.bytes

    def close(self) -> None:
        self.reads.set()
        self.stream.close()
        self._reader.join(SECONDS)  # it must not read from whatever gets this number next
        os.close(self._ours)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Pty]]:
    """Makes terminals that are standard output; nothing but their own size counts."""
    for name in ("NO_COLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(live, "_REFRESH_SECONDS", 0.01)
    made: list[Pty] = []

    def make(columns: int, encoding: str = "utf-8", *, term: str = "xterm") -> Pty:
        monkeypatch.setenv("TERM", term)
        made.append(Pty(columns, encoding))
        monkeypatch.setattr(sys, "stdout", made[-1].stream)
        monkeypatch.setattr(sys, "__stdin__", None)  # rich asks whichever of these knows its size
        monkeypatch.setattr(sys, "__stderr__", None)
        monkeypatch.setattr("rich.console._STD_STREAMS", (made[-1].stream.fileno(),))
        return made[-1]

    yield make
    for each in made:
        each.close()


async def shown_by(pty: Pty, texts: list[str]) -> None:
    """Show one text after another, until each has been drawn."""
    now = texts[0]
    async with showing_status(lambda: now):
        for text in texts:
            now = text
            await pty.until(text.split()[-1])
    await pty.until("\x1b[?25h")


@pytest.mark.parametrize("columns", [200, 80, 46, 45, 44, 20, 7, 0])
async def test_the_last_status_stays_alone_at_every_width(terminal: Callable[..., Pty], columns: int) -> None:
    pty = terminal(columns)
    pty.stream.write("before\n")
    pty.stream.flush()
    await shown_by(pty, ["look", LONG, "other", LONG, "[bold]connected[/] atend"])
    shown = pty.shows(columns or 80)
    assert shown[0] == "before"
    assert " ".join(shown[1:]).replace(" ", "") == "connectedatend"


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "cp1252", "koi8-r", "latin-1", "ascii", "shift_jis"])
async def test_signs_that_an_encoding_lacks_take_the_place_that_they_need(
    terminal: Callable[..., Pty], encoding: str
) -> None:
    pty = terminal(20, encoding)
    text = "● ↓ 1 MB ↑ 2 MB … end"
    await shown_by(pty, [text, "x", text])
    assert " ".join(pty.shows(20)).endswith("end")
    assert len(pty.shows(20)) <= 2


WIDE = {
    "Chinese": "读者读者读者读者 end",
    "Persian": "می\u200cخواهم بخوانم end",
    "accents that combine": "e\u0301" * 30 + " end",
}


@pytest.mark.parametrize("text", WIDE.values(), ids=WIDE.keys())
async def test_wide_and_combining_letters(terminal: Callable[..., Pty], text: str) -> None:
    pty = terminal(12)
    await shown_by(pty, ["a", text, "b", text])
    assert "".join(pty.shows(12)).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(("before", "after"), [(80, 20), (20, 80), (60, 59)])
async def test_another_size_in_the_middle_leaves_what_was_there_before(
    terminal: Callable[..., Pty], before: int, after: int
) -> None:
    pty = terminal(before)
    pty.stream.write("Local proxy\n")
    pty.stream.flush()
    now = LONG
    async with showing_status(lambda: now):
        await pty.until("5 s")
        drawn_before = len(pty.bytes)
        pty.resize(after)
        now = "connected again"
        await pty.until("again")
    text = pty.bytes[drawn_before:].decode()
    assert text.index("\n") < text.index("again")
    assert Screen(after).feed("Local proxy\r\n" + text).lines()[0] == "Local proxy"


async def test_a_name_in_a_status_is_not_obeyed(terminal: Callable[..., Pty]) -> None:
    pty = terminal(80)
    await shown_by(pty, ["a\x1b]0;mine\x07b\x1b[2J\x9b end"])
    assert pty.shows(80) == ["a\ufffd]0;mine\ufffdb\ufffd[2J\ufffd end"]


async def test_a_console_that_takes_text_and_no_bytes(
    terminal: Callable[..., Pty], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of Windows do."""
    monkeypatch.setattr(live, "_has_file", lambda stream: False)
    pty = terminal(20, "cp866")
    await shown_by(pty, ["● мост", "x", "● мост готов"])
    assert pty.shows(20) == ["* мост готов"]


async def test_lines_that_are_printed_meanwhile_stand_above(terminal: Callable[..., Pty]) -> None:
    pty = terminal(30)
    now = LONG + " one"
    async with showing_status(lambda: now):
        await pty.until("one")
        print_line("a line\nand another")
        now = "two"
        await pty.until("two")
        print_line("the last line")
        now = "three"
        await pty.until("three")
    await pty.until("\x1b[?25h")
    assert pty.shows(30) == ["a line", "and another", "the last line", "three"]


async def test_a_terminal_that_is_held_holds_nobody_up(
    terminal: Callable[..., Pty], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_END_SECONDS", 0.01)
    pty = terminal(80)
    pty.reads.clear()
    count = 0

    def text() -> str:
        nonlocal count
        count += 1
        return f"{count} " + "x" * 3_000

    async with showing_status(text):
        while count < 30:
            await asyncio.sleep(0.001)
    pty.reads.set()
    await pty.until("\x1b[?25h")


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
async def test_a_terminal_without_a_cursor_gets_each_status_as_a_line(terminal: Callable[..., Pty], term: str) -> None:
    pty = terminal(80, term=term)
    now = "[green]●[/] looking"
    async with showing_status(lambda: "never", lambda: now):
        await pty.until("looking\r\n")
        now = "connected"
    await pty.until("connected\r\n")
    assert pty.bytes == "● looking\r\nconnected\r\n".encode()


async def test_a_pipe_gets_the_last_status_too(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    now = "looking"
    task = asyncio.create_task(show_status(lambda: "never", lambda: now))
    while not output.getvalue():
        await asyncio.sleep(0)
    now = "stopped\x1b[2J"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert output.getvalue() == "looking\nstopped\ufffd[2J\n"


class Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "broken pipe")


async def test_whatever_has_a_status_ends_when_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):
        async with showing_status(lambda: "x", lambda: "x"):
            await asyncio.Event().wait()
