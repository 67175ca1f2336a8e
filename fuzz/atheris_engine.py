"""Fuzzes one target with atheris: `python -m fuzz.atheris_engine MODULE NAME FOLDER [options of libFuzzer] CORPUS`.

libFuzzer ends the process when it is done, so there is one for each target. What it would stop at is kept in FOLDER
instead, and it goes on: of each fault the shortest input, and the slowest input of all.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import random
import sys
import traceback
from pathlib import Path

import atheris

from fuzz.fuzz_target import FuzzTarget
from fuzz.growth import grown

_INSTRUMENTED = ["freespan", "aioquic.h3", "aioquic.quic.connection", "aioice.stun"]
_GROWN_ONE_IN = 50
SLOWEST = "slowest"
"""The file with the slowest input, after a first line with its seconds."""


class _Findings:
    """Runs inputs, and keeps those that show a fault."""

    def __init__(self, target: FuzzTarget, folder: Path) -> None:
        self._target = target
        self._folder = folder
        self._sizes: dict[str, int] = {}
        self._slowest = 0.0

    def run(self, data: bytes) -> None:
        try:
            seconds = self._target.check(data)
            if seconds > self._slowest:  # or was it the collector?
                seconds = min(seconds, *(self._target.check(data) for _ in range(3)))
        except Exception as error:
            self._keep(data, error)
            return
        if seconds > self._slowest:
            self._slowest = seconds
            (self._folder / SLOWEST).write_bytes(f"{seconds:.6f}\n".encode() + data)

    def mutate(self, data: bytes, size_max: int, seed: int) -> bytes:
        """The next input. Grown ones are run here: libFuzzer would go on from them, and long inputs are slow."""
        dice = random.Random(seed)
        if dice.randrange(_GROWN_ONE_IN) == 0:
            self.run(grown(data, self._target.size_max, dice))
        changed: bytes = atheris.Mutate(data, size_max)
        return changed

    def _keep(self, data: bytes, error: Exception) -> None:
        frames = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        fault = hashlib.sha256(" ".join([type(error).__name__, *frames]).encode()).hexdigest()[:12]
        if len(data) < self._sizes.get(fault, sys.maxsize):
            self._sizes[fault] = len(data)
            (self._folder / f"{fault}.input").write_bytes(data)
            (self._folder / f"{fault}.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")


def main() -> None:
    """Fuzz until libFuzzer has had enough."""
    logging.disable()
    _, module, name, folder, *options = sys.argv
    with atheris.instrument_imports(include=_INSTRUMENTED):
        targets = importlib.import_module(module).TARGETS
    findings = _Findings(next(target for target in targets if target.name == name), Path(folder))
    atheris.Setup([sys.argv[0], *options], findings.run, custom_mutator=findings.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
