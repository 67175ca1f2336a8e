"""Times the parts of a set-up."""

from __future__ import annotations

import time


class Stopwatch:
    """`parts` holds each part's duration in seconds, in the order in which they ended."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        """A part has ended, and the next one begins."""
        now = time.perf_counter()
        self.parts[name] = round(now - self._since, 4)
        self._since = now
