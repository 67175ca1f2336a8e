"""Whether this machine was asleep, or this program was stopped: its connections are likely to be dead then. Pure.

A clock that goes on while the machine sleeps is looked at every few seconds. If it has gone much further than that,
nothing has run here in the meantime.
"""

from __future__ import annotations


class SleepWatch:
    """Times are in seconds of a clock that goes on while the machine sleeps.

    Args:
        tick_seconds: how often `tick` is called.
        least_seconds: what is shorter than this was only a busy machine.
    """

    def __init__(self, tick_seconds: float, least_seconds: float) -> None:
        self._tick_seconds = tick_seconds
        self._least_seconds = least_seconds
        self._last: float | None = None

    def tick(self, now: float) -> float:
        """How long nothing has run before this tick; 0 for as good as always."""
        last, self._last = self._last, now
        if last is None or now - last - self._tick_seconds < self._least_seconds:
            return 0.0
        return now - last - self._tick_seconds
