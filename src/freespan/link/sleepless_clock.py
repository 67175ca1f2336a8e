"""A clock that goes on while the machine sleeps, and that nobody sets."""

from __future__ import annotations

import sys
import time


def sleepless_clock() -> float:
    """Seconds since some moment, with those in which the machine was asleep."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # `time.monotonic` stands still there while it sleeps
    return time.monotonic()
