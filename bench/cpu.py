"""What processes cost, as Linux counts it (proc(5)); elsewhere nothing is known, and figures stay empty."""

from __future__ import annotations

import os
from pathlib import Path


def seconds_of(pid: int) -> float | None:
    """CPU seconds that a process has used, user and system, all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else None


def rss_mb_of(pid: int) -> float | None:
    """Memory of a process that is in RAM now, in 10^6 bytes."""
    fields = _stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if fields else None


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
