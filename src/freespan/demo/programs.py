"""Runs the real `freespan` commands as subprocesses and reads the JSON lines in which they report events."""

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

from freespan.api.settings import HostSettings
from freespan.api.sources import variables_of
from freespan.demo.errors import DemoError, one_line

STOP_SECONDS = 5.0
"""Limit for a program to end after SIGTERM; then it is killed."""
LINE_MAX = 1024 * 1024
"""Longest line of output, in bytes; longer ones are left out."""
_PIPE_SECONDS = 1.0
_EVENTS_KEPT = 256
_LINES_KEPT = 20
_INVITE = "FREESPAN_INVITE"

Event = dict[str, Any]
"""One JSON object on a program's standard output."""


class Program:
    """A `freespan …` command that runs; `running` starts and ends it."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, stop_seconds: float = STOP_SECONDS) -> None:
        self.name = name
        self.last: Event = {}
        """The latest event; for callers that only show it."""
        self._process = process
        self._stop_seconds = stop_seconds
        self._events: deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._changed = asyncio.Condition()
        self._readers = (
            asyncio.create_task(self._read_events(), name=f"{name}: standard output"),
            asyncio.create_task(self._read_errors(), name=f"{name}: standard error"),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def unread(self) -> tuple[Event, ...]:
        """The latest events that no call of `event` has taken, oldest first."""
        return tuple(self._events)

    @property
    def text(self) -> str:
        """The latest lines that are not events: standard error, and other lines of standard output."""
        return " ".join(self._lines)

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def why_ended(self) -> str:
        """Return one line with the program's exit code and its last output."""
        code = self._process.returncode
        return f"{self.name} ended with code {code}: {one_line(self.text or 'it printed nothing', 300)}"

    async def event(self, wanted: Callable[[Event], bool], seconds: float, what: str = "event") -> Event:
        """Take events, oldest first, until a wanted one comes, and return that.

        Args:
            wanted: whether an event is the one to wait for.
            seconds: limit.
            what: the event's name in error messages.

        Raises:
            DemoError: the program ended, or reported no such event in time.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                while True:
                    while self._events:
                        event = self._events.popleft()
                        if wanted(event):
                            return event
                    if self._readers[0].done():
                        break
                    await self._changed.wait()
        except TimeoutError:
            last = one_line(_summary(self.last) or self.text or "nothing")
            raise DemoError(f"{self.name}: no {what} within {seconds:g} s; last output: {last}") from None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._stop_seconds):
                await self._process.wait()
                await self._readers[1]
        raise DemoError(self.why_ended())

    async def stop(self) -> None:
        """End the program with SIGTERM, or with SIGKILL if that takes too long. No process of its group remains."""
        try:
            if not self.ended:
                self._terminate()
                async with asyncio.timeout(self._stop_seconds):
                    await self._process.wait()
        except TimeoutError:
            self._kill()
            await self._process.wait()
        except BaseException:
            self._kill()
            raise
        finally:
            # The pipes end with the program, unless another process holds them.
            await asyncio.wait(self._readers, timeout=_PIPE_SECONDS)
            for reader in self._readers:
                reader.cancel()
            await asyncio.gather(*self._readers, return_exceptions=True)

    def _terminate(self) -> None:
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
                self._lines.append(line)
                continue
            if isinstance(event, dict):
                self.last = event
                async with self._changed:
                    self._events.append(event)
                    self._changed.notify_all()
        async with self._changed:
            self._changed.notify_all()

    async def _read_errors(self) -> None:
        async for line in _lines(self._process.stderr):
            if line:
                self._lines.append(line)


def freespan_command(arguments: Sequence[str]) -> list[str]:
    """Return the command line for `freespan ARGUMENTS` with the Python that runs this."""
    return [sys.executable, "-m", "freespan", *arguments]


@contextlib.asynccontextmanager
async def running(
    *arguments: str,
    invite: str = "",
    command: Callable[[Sequence[str]], list[str]] = freespan_command,
    stop_seconds: float = STOP_SECONDS,
    line_max: int = LINE_MAX,
) -> AsyncIterator[Program]:
    """Run `freespan ARGUMENTS` in a process group of its own for the length of the block.

    Ctrl-C in a terminal goes to a whole process group. A group of its own lets the caller end the program in order.

    Args:
        arguments: of `freespan`, its command first.
        invite: for the program's environment, where other users of the machine cannot read it.
        command: makes the command line.
        stop_seconds: see STOP_SECONDS.
        line_max: see LINE_MAX.
    """
    process = await asyncio.create_subprocess_exec(
        *command(arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=line_max,
        env=environment(invite),
        **_own_group(),
    )
    program = Program(f"freespan {arguments[0]}", process, stop_seconds)
    try:
        yield program
    finally:
        await program.stop()


def environment(invite: str = "") -> dict[str, str]:
    """Return this process's environment with this invite.

    It has no settings of a host and no other invite, which are not meant for the demo's programs.
    """
    settings = variables_of(HostSettings)
    inherited = {name: value for name, value in os.environ.items() if name not in settings}
    return {**inherited, _INVITE: invite, "PYTHONUNBUFFERED": "1"}


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """Yield lines of text without their ends; a line over the limit is left out."""
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


def _summary(event: Event) -> str:
    return " ".join(str(value) for key, value in event.items() if key in ("state", "detail") and value)
