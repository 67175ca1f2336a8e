"""A program that crashes leaves no copy of its memory in a file: keys, addresses, and what passes would be in it."""

from __future__ import annotations

import contextlib


def leave_no_core_dump() -> None:
    """Ask the system for no core dump of this process; whoever wants one can ask it otherwise (`prlimit --core`)."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with contextlib.suppress(OSError, ValueError):
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
