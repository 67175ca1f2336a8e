"""One host and one bridge for all tests of a file that leave them in peace."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from freespan.cli.main import main
from tests.support.laboratory import Lab, laboratory
from tests.support.terminal import Terminal

Command = Callable[..., "Outcome"]
AtTerminal = Callable[..., Terminal]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("data")) as lab:
        lab.bridge("--capacity", "64")
        yield lab


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and its output."""

    code: int
    output: str
    errors: str

    def fails(self, code: int) -> str:
        """Assert that it failed as commands may: with this code, and one line for people, which is returned."""
        assert (self.code, self.output, self.errors.count("\n")) == (code, "", 1), self.output + self.errors
        assert self.errors.startswith("freespan: ")
        return self.errors.removeprefix("freespan: ").rstrip()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs a whole command in this process, which is faster than one of its own; what it has set is set back."""
    handlers, level, thresholds = logging.root.handlers[:], logging.root.level, gc.get_threshold()
    on_signal = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str, invite: str = "") -> Outcome:
        monkeypatch.setenv("FREESPAN_INVITE", invite)
        monkeypatch.setattr(sys, "argv", ["freespan", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        code = caught.value.code
        return Outcome(code if isinstance(code, int) else 1, *capsys.readouterr())

    yield run
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    gc.set_threshold(*thresholds)
    signal.signal(signal.SIGTERM, on_signal)


@pytest.fixture
def terminal() -> Iterator[AtTerminal]:
    """Starts `freespan …` at terminals of their own; those that still run at the end of the test are killed."""
    started: list[Terminal] = []

    def start(*arguments: str, **variables: str) -> Terminal:
        started.append(Terminal(*arguments, **variables))
        return started[-1]

    yield start
    for each in started:
        each.close()
