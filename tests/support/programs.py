"""The real programs in processes of their own, as a person at a terminal or another program meets them.

Every wait has a limit and ends with the event it waits for; whatever was started is killed when its block ends.
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
from typing import IO, Any

import freespan
from freespan.demo.programs import environment, freespan_command

SECONDS = 30.0
"""For anything that a program is expected to do; generous, because nothing here is timed."""

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


class Program:
    """One `freespan …`. `limits` sets bounds: `{"freespan.client.settings.ClientSettings.session_wait_seconds": 1}`."""

    def __init__(
        self, *arguments: str, limits: Mapping[str, float] | None = None, folder: Path | None = None, text: bool = True
    ) -> None:
        line = freespan_command(arguments)
        if limits:
            # -P, since the files beside that one must not hide libraries of the same name.
            line = [sys.executable, "-P", str(WITH_LIMITS), json.dumps(limits), *arguments]
        self.name = f"freespan {arguments[0]}" if arguments else "freespan"
        self.output: list[str] = []
        self.errors: list[str] = []
        self._events = 0
        self._news = threading.Condition()
        self._process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**environment(), **ENVIRONMENT},
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
        """Everything on both outputs so far."""
        return "\n".join([*self.output, *self.errors])

    @property
    def error(self) -> str:
        """What it said on standard error, as one text."""
        return "\n".join(self.errors)

    def events(self) -> list[Event]:
        """All JSON lines so far."""
        return [json.loads(line) for line in self.output if line.startswith("{")]

    def event(self, wanted: Callable[[Event], bool], seconds: float = SECONDS) -> Event:
        """The next event of a kind, after those that earlier calls have seen."""

        def found() -> Event | None:
            events = self.events()
            while self._events < len(events):
                self._events += 1
                if wanted(events[self._events - 1]):
                    return events[self._events - 1]
            return None

        return self._wait_for(found, "the event", seconds)

    def state(self, *states: str, seconds: float = SECONDS) -> Event:
        """The next event whose state is one of these."""
        return self.event(lambda event: event.get("state") in states, seconds)

    def links(self, count: int, seconds: float = SECONDS) -> Event:
        """The next event of a client whose session is carried by so many links."""
        return self.event(lambda event: bool(event.get("transport")) and event["links"] == count, seconds)

    def line(self, part: str, seconds: float = SECONDS) -> str:
        """The first line of either output with `part` in it."""
        return self._wait_for(
            lambda: next((line for line in [*self.output, *self.errors] if part in line), None), part, seconds
        )

    def wait(self, seconds: float = SECONDS) -> int:
        """Wait for its end; returns the exit code, all it has said being read."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end; it said: {self.said[-2000:]}") from None
        for reader in self._readers:
            reader.join(SECONDS)
        return code

    def fails(self, code: int, seconds: float = SECONDS) -> str:
        """Wait for its end in the one way programs may fail: a code, and one line for a person, which is returned."""
        assert (self.wait(seconds), len(self.errors)) == (code, 1), self.said
        assert self.error.startswith("freespan: ")
        assert "Traceback" not in self.said
        return self.error.removeprefix("freespan: ")

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = SECONDS) -> int:
        """Ask it to end, and wait; returns the exit code."""
        self.send_signal(number)
        return self.wait(seconds)

    def ask_to_end(self, seconds: float = SECONDS) -> None:
        """Give it some time to end by itself, if it still runs."""
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.terminate()
                self._process.wait(seconds)

    def kill(self) -> None:
        """End it without a word, with whatever it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for reader in self._readers:
            reader.join(SECONDS)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def peak_memory(self) -> int:
        """The most memory that it has had so far, in bytes (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) * 1024

    def _wait_for(self, look: Callable[[], Any], what: str, seconds: float) -> Any:
        until = time.monotonic() + seconds
        with self._news:
            while (found := look()) is None:
                if not any(reader.is_alive() for reader in self._readers):
                    raise AssertionError(f"{self.name} ended without {what}; it said: {self.said[-2000:]}")
                if not self._news.wait(until - time.monotonic()):
                    raise AssertionError(f"{self.name}: no {what} in {seconds} s; it said: {self.said[-2000:]}")
        return found

    def _read(self, pipe: IO[bytes] | None, lines: list[str]) -> None:
        assert pipe is not None
        for line in pipe:
            with self._news:
                lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


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
    """None of the programs may have lost its composure."""
    for program in programs:
        assert "Traceback" not in program.said, program.said
        assert "Task exception" not in program.said, program.said
