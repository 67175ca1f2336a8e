"""The time limits of the demo, and how it starts the other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from freespan.demo.programs import freespan_command

Command = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """All times are in seconds."""

    start_seconds: float = 20.0
    """Limit for a program to report that it is ready."""
    direct_seconds: float = 5.0
    """Limit for each request that goes past freespan, through the censor."""
    browser_seconds: float = 45.0
    """Limit from starting a browser to a switch that waits for readers."""
    join_seconds: float = 15.0
    """Limit from clicking the switch, or starting the headless bridge, to waiting for readers."""
    session_seconds: float = 40.0
    """Limit for the client to open its session."""
    page_seconds: float = 20.0
    """Limit for the blocked page."""
    download_seconds: float = 180.0
    """Limit for the download that measures the speed."""
    command: Command = freespan_command
    """Makes the command line for the arguments of `freespan`."""
