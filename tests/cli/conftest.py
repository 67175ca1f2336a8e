"""One host and one bridge for all tests of a file that leave them in peace."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from freespan.cli.main import main
from tests.lab import Lab, laboratory

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("data")) as lab:
        lab.bridge("--capacity", "64")
        yield lab


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Refused]:
    """Runs a command that must be refused with code 2 and one line, which is returned; in this process: it is faster."""
    handlers, level, thresholds = logging.root.handlers[:], logging.root.level, gc.get_threshold()
    on_signal = signal.getsignal(signal.SIGTERM)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["freespan", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        output, errors = capsys.readouterr()
        assert (caught.value.code, output, errors.count("\n")) == (2, "", 1), output + errors
        assert errors.startswith("freespan: ")
        return errors.removeprefix("freespan: ").rstrip()

    yield run
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    gc.set_threshold(*thresholds)
    signal.signal(signal.SIGTERM, on_signal)
