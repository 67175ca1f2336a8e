"""Text that is drawn again and again in its place, such as a status; line by line where a cursor does not move.

    the loop ──▶ the latest text ──▶ a thread, which draws it

A terminal can be held for any time, by Ctrl-S or by a selection on Windows. Only the thread waits for it then, and not
the client whose status it is. What stood there last stays: it tells how things were at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TextIO

from freespan.terminal.encoding import encoded, writable
from freespan.terminal.output import abilities, console_on, drawn_until, print_line
from freespan.terminal.text import lines

if TYPE_CHECKING:
    from rich.live import Live

_REFRESH_SECONDS = 0.5
_UNMOVED_SECONDS = 30.0
"""How often figures that change all the time are printed where they cannot be drawn in their place."""
_END_SECONDS = 1.0
"""How long the last text may take to be drawn."""


@contextlib.asynccontextmanager
async def showing_status(
    text: Callable[[], str],
    elsewhere: Callable[[], str] | None = None,
    *,
    stream: TextIO | None = None,
    stays: bool = True,
) -> AsyncIterator[None]:
    """Do what `show_status` does for the length of the block, which ends if nobody reads on."""
    owner = asyncio.current_task()
    assert owner is not None
    shown = asyncio.create_task(show_status(text, elsewhere, stream=stream, stays=stays), name="status")

    def end_block(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            owner.cancel()

    shown.add_done_callback(end_block)
    try:
        yield
    finally:
        shown.remove_done_callback(end_block)
        shown.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shown


async def show_status(
    text: Callable[[], str],
    elsewhere: Callable[[], str] | None = None,
    *,
    stream: TextIO | None = None,
    stays: bool = True,
) -> None:
    """Keep a status up to date until cancelled. Where it cannot be drawn in its place, print each new one once.

    Args:
        text: returns rich markup, with the texts of others escaped.
        elsewhere: the same, for where the output may be kept or where it cannot be drawn in its place.
        stream: where it is drawn; standard output if left out. It is printed on standard output alone.
        stays: whether the last text is left where it was drawn.
    """
    if abilities(stream).moves:
        await _draw(text, _Drawer(sys.stdout if stream is None else stream, stays=stays))
    else:
        await _print_changes(elsewhere or text, _REFRESH_SECONDS if elsewhere else _UNMOVED_SECONDS)


async def _draw(text: Callable[[], str], drawer: _Drawer) -> None:
    with drawn_until(drawer.clear):
        try:
            while True:
                drawer.draw(text())
                await asyncio.sleep(_REFRESH_SECONDS)
        finally:
            drawer.end(text)


async def _print_changes(text: Callable[[], str], seconds: float) -> None:
    from rich.text import Text

    last = ""

    def print_if_new() -> None:
        nonlocal last
        now = Text.from_markup(lines(text())).plain
        if now != last:
            print_line(now)
            last = now

    try:
        while True:
            print_if_new()
            await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        print_if_new()
        raise


class _Drawer:
    """Draws the latest text in a thread of its own, for as long as there is a terminal."""

    def __init__(self, stream: TextIO, *, stays: bool) -> None:
        self._stays = stays
        self._screen = _Screen(stream, stays=stays)
        self._on_screen = threading.Lock()
        self._changed = threading.Condition()
        self._text: str | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._thread.start()

    def draw(self, text: str) -> None:
        """Draw this as soon as the terminal takes it, in place of what has not been drawn by then."""
        with self._changed:
            self._text = text
            self._changed.notify()

    def clear(self) -> None:
        """Take away what is drawn, until the next time. Somebody writes to the terminal, and can wait for it."""
        with contextlib.suppress(OSError, ValueError), self._on_screen:
            self._screen.clear()

    def end(self, text: Callable[[], str]) -> None:
        """Draw the last text, if it stays. A terminal that is held is not waited for."""
        with self._changed:
            self._text, self._is_over = text() if self._stays else "", True
            self._changed.notify()
        self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        is_over = False
        with contextlib.suppress(OSError, ValueError):  # the terminal has gone
            while not is_over:
                with self._changed:
                    self._changed.wait_for(lambda: self._text is not None)
                    text, self._text = self._text, None
                    is_over = self._is_over
                with self._on_screen:
                    if text:
                        self._screen.draw(text)
            self._screen.end()


class _Screen:
    """The place on a terminal where a text is drawn, and which grows and shrinks with it."""

    def __init__(self, stream: TextIO, *, stays: bool) -> None:
        self._stream = stream
        self._stays = stays
        # A thread that waits in `os.write` holds no lock: the program can end meanwhile. Consoles of Windows have no
        # file of bytes.
        self._drawn = None if os.name == "nt" or not _has_file(stream) else io.StringIO()
        self._live: Live | None = None
        self._text = ""
        self._size = (0, 0)

    def draw(self, text: str) -> None:
        from rich.text import Text

        live = self._live_of_this_size()
        if text == self._text:  # drawn again, it would end a selection, and be read out once more
            return
        self._text = text
        live.update(Text.from_markup(writable(self._stream, lines(text))), refresh=True)
        self._write()

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._write()

    def clear(self) -> None:
        if self._live is not None:
            self._live.transient = True
            self.end()
            self._live = None
            self._text = ""

    def _live_of_this_size(self) -> Live:
        """Where to draw. On another size nobody knows how a terminal has broken the lines anew: go below them."""
        from rich.live import Live

        if self._live is not None and self._live.console.size == self._size:
            return self._live
        file = self._stream if self._drawn is None else self._drawn
        if self._live is not None:
            file.write("\n")
            self._text = ""
        console = console_on(self._stream, file)
        self._size = console.size
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=not self._stays,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()
        return self._live

    def _write(self) -> None:
        if self._drawn is None:
            self._stream.flush()
            return
        data = encoded(self._stream, self._drawn.getvalue())
        self._drawn.seek(0)
        self._drawn.truncate()
        while data:
            data = data[os.write(self._stream.fileno(), data) :]


def _has_file(stream: TextIO) -> bool:
    try:
        return stream.fileno() >= 0
    except (OSError, ValueError):
        return False
