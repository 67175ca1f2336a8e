"""Exponential backoff with jitter, so that many clients do not all try again at the same time."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """The waits between attempts; half of each wait is random.

    Args:
        random: returns a number from 0 to 1; passed in, so that tests decide.
        first: seconds of the first wait; each further wait is twice as long.
        longest: seconds of the longest wait.
    """

    def __init__(self, random: Callable[[], float], *, first: float = 0.5, longest: float = 30.0) -> None:
        self._random = random
        self._first = first
        self._longest = longest
        self._failures = 0

    def failed(self, at_least: float = 0.0) -> float:
        """Note a failure; returns the seconds to wait, at least `at_least`, which the other end may have asked for."""
        ceiling = min(self._longest, self._first * float(1 << self._failures))
        self._failures = min(self._failures + 1, 16)
        return max(at_least, ceiling * (0.5 + 0.5 * self._random()))

    def succeeded(self) -> None:
        """Start again with the first wait."""
        self._failures = 0
