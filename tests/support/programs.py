"""Runs the real programs as processes, and waits for their output.

Every wait has a limit and ends with the event that it waits for. All programs are killed at the end of the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import freespan
from freespan.demo.programs import environment, freespan_command

SECONDS = 30.0
"""Limit for each wait; generous, because no test is timed."""

WITH_LIMITS = Path(__file__).parents[2] / "lab" / "with_limits.py"
# Finds the tested package from any folder, and gives every test the same terminal.
ENVIRONMENT = {
    "PYTHONPATH": str(Path(freespan.__file__).parents[1]),
    "COLUMNS": "200",
    "NO_COLOR": "1",
}
_COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""Set while coverage measures the programs that tests start as well."""
Event = dict[str, Any]
Found = TypeVar("Found")


class Program:
    """One `freespan …`, which finds `invite` in its environment.

    `limits` sets bounds: `{"freespan.client.settings.ClientSettings.session_wait_seconds": 1}`.
    """

    def __init__(
        self,
        *arguments: str,
        invite: str = "",
        limits: Mapping[str, float] | None = None,
        folder: Path | None = None,
        text: bool = True,
    ) -> None:
        line = freespan_command(arguments)
        if limits:
            # -P, since the files beside that one must not hide libraries of the same name.
            line = [sys.executable, "-P", str(WITH_LIMITS), json.dumps(limits), *arguments]
        self.name = f"freespan {arguments[0]}" if arguments else "freespan"
        self.output: list[str] = []
        self.errors: list[str] = []
        self._events = 0
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**environment(invite), **ENVIRONMENT},
            start_new_session=True,
        )
        sources: list[tuple[IO[bytes] | None, list[str]]] = [(self._process.stderr, self.errors)]
        if text:
            sources.append((self._process.stdout, self.output))
        self.stdout = self._process.stdout
        self._readers = [threading.Thread(target=self._read, args=source, daemon=True) for source in sources]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """All output so far, on both streams."""
        return "\n".join([*self.output, *self.errors])

    @property
    def error(self) -> str:
        """Standard error so far, as one text."""
        return "\n".join(self.errors)

    def events(self) -> list[Event]:
        """Return all events so far."""
        return [json.loads(line) for line in self.output if line.startswith("{")]

    def event(self, wanted: Callable[[Event], bool], seconds: float = SECONDS) -> Event:
        """Wait for the next event of a kind, after those that earlier calls have returned or skipped."""

        def found() -> Event | None:
            events = self.events()
            while self._events < len(events):
                self._events += 1
                if wanted(events[self._events - 1]):
                    return events[self._events - 1]
            return None

        return self._wait_for(found, "the event", seconds)

    def state(self, *states: str, seconds: float = SECONDS) -> Event:
        """Wait for the next event whose state is one of these."""
        return self.event(lambda event: event.get("state") in states, seconds)

    def links(self, count: int, seconds: float = SECONDS) -> Event:
        """Wait for the next event of a client whose session is carried by `count` links."""
        return self.event(lambda event: bool(event.get("transport")) and event["links"] == count, seconds)

    def line(self, part: str, seconds: float = SECONDS) -> str:
        """Wait for the first line of either stream that contains `part`."""
        return self._wait_for(
            lambda: next((line for line in [*self.output, *self.errors] if part in line), None), part, seconds
        )

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end and read all its output; returns the exit code."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end; its output: {self.said[-2000:]}") from None
        for reader in self._readers:
            reader.join(SECONDS)
        return code

    def fails(self, code: int, seconds: float = SECONDS) -> str:
        """Wait for it to fail as programs may: with an exit code and one line on standard error, which is returned."""
        assert (self.wait(seconds), len(self.errors)) == (code, 1), self.said
        assert self.error.startswith("freespan: ")
        assert "Traceback" not in self.said
        return self.error.removeprefix("freespan: ")

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = SECONDS) -> int:
        """Send a signal and wait for its end; returns the exit code."""
        self.send_signal(number)
        return self.wait(seconds)

    def ask_to_end(self, seconds: float = SECONDS) -> None:
        """Give it some time to end by itself, if it still runs."""
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.terminate()
                self._process.wait(seconds)

    def kill(self) -> None:
        """Kill it with all that it has started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join(SECONDS)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def peak_memory(self) -> int:
        """Return its peak memory in bytes (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024

    def _wait_for(self, look: Callable[[], Found | None], what: str, seconds: float) -> Found:
        until = time.monotonic() + seconds
        with self._changed:
            while (found := look()) is None:
                if not any(reader.is_alive() for reader in self._readers):
                    raise AssertionError(f"{self.name} ended without {what}; its output: {self.said[-2000:]}")
                if not self._changed.wait(until - time.monotonic()):
                    raise AssertionError(f"{self.name}: no {what} in {seconds} s; its output: {self.said[-2000:]}")
        return found

    def _read(self, pipe: IO[bytes] | None, lines: list[str]) -> None:
        assert pipe is not None
        for line in pipe:
            with self._changed:
                lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


class Programs:
    """Starts programs and kills them all in the end."""

    def __init__(self) -> None:
        self.all: list[Program] = []

    def __call__(self, *arguments: str, **options: Any) -> Program:
        program = Program(*arguments, **options)
        self.all.append(program)
        return program

    def kill(self) -> None:
        if _COVERAGE in os.environ:  # a program that is killed writes nothing down
            for program in self.all:
                program.ask_to_end()
        for program in self.all:
            program.kill()


def no_tracebacks(programs: Iterable[Program]) -> None:
    """Assert that none of the programs has printed a traceback."""
    for program in programs:
        assert "Traceback" not in program.said, program.said
        assert "Task exception" not in program.said, program.said
