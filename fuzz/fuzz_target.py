"""A fuzz target: a function that takes any bytes, and what a fuzzer must know to find its way into it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

CPU_SECONDS_MAX = 0.05
"""No input may take longer, in seconds of this thread's CPU."""
_TRIES = 4
"""An input is too slow if it is so each time; once may be the collector's fault, or the machine's."""

Result = TypeVar("Result")
Permitted = TypeVar("Permitted", bound=Exception)


class SlowInputError(Exception):
    """An input took more than `CPU_SECONDS_MAX`."""


@dataclass(frozen=True)
class FuzzTarget:
    """One way in for strangers.

    Attributes:
        name: names the target on the command line, and its corpus.
        run: takes an input. It raises if the code under test does what it must not.
        modules: the modules whose branches the inputs must reach.
        seeds: inputs to begin with.
        words: what the fuzzer puts into inputs: the words of the format.
        size_max: the longest input.
    """

    name: str
    run: Callable[[bytes], None]
    modules: tuple[str, ...]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    size_max: int = 4_096

    def check(self, data: bytes) -> float:
        """Run an input. Returns the seconds of CPU that it took; raises whatever `run` does, and `SlowInputError`."""
        seconds = 0.0
        for _ in range(_TRIES):
            begin = time.thread_time()
            self.run(data)
            seconds = time.thread_time() - begin
            if seconds <= CPU_SECONDS_MAX:
                return seconds
        raise SlowInputError(f"{seconds:.3f} s for {len(data)} bytes")


def attempt(call: Callable[[], Result], permitted: type[Permitted]) -> Result | Permitted:
    """What `call` returns, or the permitted error that it raised."""
    try:
        return call()
    except permitted as error:
        return error


def check_reason(error: Exception) -> None:
    """An error is one short line for a person."""
    text = str(error)
    assert text
    assert len(text) <= 400, "an error is longer than a line"
    assert text.isprintable(), "an error would control a terminal"
