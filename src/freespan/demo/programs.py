"""The real programs, as subprocesses that say what happens in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from freespan.demo.errors import DemoError, one_line

STOP_SECONDS = 5.0
"""From the polite signal to the other one."""
PIPE_SECONDS = 1.0
LINE_MAX = 1024 * 1024
_EVENTS_KEPT = 256
_WORDS_KEPT = 20

Event = dict[str, Any]
"""One line of a program's standard output."""


class Program:
    """One `freespan …` command that runs; `running` starts and ends it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.last: Event = {}
        """The latest event, for those who only want to show it."""
        self._process = process
        self._events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self._words: deque[str] = deque(maxlen=_WORDS_KEPT)
        self._news = asyncio.Condition()
        self._readers = (
            asyncio.create_task(self._read_events(), name=f"{name}: standard output"),
            asyncio.create_task(self._read_words(), name=f"{name}: standard error"),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def unread(self) -> tuple[Event, ...]:
        """The latest events that nobody has waited for, oldest first."""
        return tuple(self._events)

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def why_ended(self) -> str:
        """One line: the program's exit code and its last words."""
        words = " ".join(self._words) or "it said nothing"
        return f"{self.name} ended with code {self._process.returncode}: {one_line(Exception(words), 300)}"

    async def event(self, wanted: Callable[[Event], bool], seconds: float, what: str = "event") -> Event:
        """Take events, oldest first, until a wanted one comes, and return that.

        Raises:
            DemoError: the program ended, or said nothing of the kind in time.
        """
        try:
            async with asyncio.timeout(seconds), self._news:
                while True:
                    while self._events:
                        event = self._events.popleft()
                        if wanted(event):
                            return event
                    if self._readers[0].done():
                        break
                    await self._news.wait()
        except TimeoutError:
            last = one_line(Exception(_said(self.last) or " ".join(self._words) or "nothing"))
            raise DemoError(f"{self.name}: no {what} within {seconds:g} s; the last it said: {last}") from None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
                await self._readers[1]
        raise DemoError(self.why_ended())

    async def stop(self) -> None:
        """End the program: politely, then at once. Nothing of its process group stays."""
        try:
            if not self.ended:
                self._ask_to_end()
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
        except TimeoutError:
            self._kill()
            await self._process.wait()
        except BaseException:
            self._kill()
            raise
        finally:
            # The pipes end with the program, unless something else holds them.
            await asyncio.wait(self._readers, timeout=PIPE_SECONDS)
            for reader in self._readers:
                reader.cancel()
            await asyncio.gather(*self._readers, return_exceptions=True)

    def _ask_to_end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                self._process.send_signal(signal.SIGTERM)

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _read_events(self) -> None:
        async for line in _lines(self._process.stdout):
            try:
                event = json.loads(line)
            except ValueError:
                self._words.append(line)
                continue
            if isinstance(event, dict):
                self.last = event
                async with self._news:
                    self._events.append(event)
                    self._news.notify_all()
        async with self._news:
            self._news.notify_all()

    async def _read_words(self) -> None:
        async for line in _lines(self._process.stderr):
            if line:
                self._words.append(line)


@contextlib.asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Program]:
    """Run `freespan ARGUMENTS` in a process group of its own for the length of the block.

    Of its own, because Ctrl-C in a terminal goes to a whole group: the demo ends its programs in order.
    """
    process = await asyncio.create_subprocess_exec(
        *command(arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_MAX,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        **_own_group(),
    )
    program = Program(f"freespan {arguments[0]}", process)
    try:
        yield program
    finally:
        await program.stop()


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line for `freespan ARGUMENTS` with this very Python."""
    return [sys.executable, "-m", "freespan", *arguments]


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """Lines of text without their ends; a line over the limit is left out."""
    while stream is not None:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode("utf-8", "replace").rstrip()


def _own_group() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _said(event: Event) -> str:
    return " ".join(str(value) for key, value in event.items() if key in ("state", "detail") and value)
