"""CPU time and memory of processes, from proc(5) of Linux; on other systems they are unknown."""

from __future__ import annotations

import os
from pathlib import Path

_OWN, _WITH_CHILDREN = slice(11, 13), slice(11, 15)
"""Fields of /proc/PID/stat: user and system ticks, then those of children that have ended."""


def seconds_of(pid: int) -> float | None:
    """Return the CPU seconds that all threads of a process have used, user and system."""
    fields = _stat(pid)
    return _seconds(fields[_OWN]) if fields else None


def rss_mb_of(pid: int) -> float | None:
    """Return the resident memory of a process, in 10^6 bytes."""
    fields = _stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if fields else None


def family_of(pid: int) -> set[int]:
    """Return the process ids of a process and of all its descendants."""
    family, waiting = set[int](), [pid]
    while waiting:
        member = waiting.pop()
        family.add(member)
        for file in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                waiting += [child for child in map(int, file.read_text().split()) if child not in family]
            except OSError:
                pass  # the thread has just ended
    return family


def seconds_of_family(pid: int) -> dict[str, float]:
    """Return the CPU seconds of a browser's processes by their role.

    Those of processes that have ended are included, so that the sum never decreases.
    """
    used: dict[str, float] = {}
    for member in family_of(pid):
        if fields := _stat(member):
            role = role_of(_command(member))
            used[role] = used.get(role, 0.0) + _seconds(fields[_WITH_CHILDREN])
    return used


def memory_mb_of_family(pid: int) -> float | None:
    """Return the memory of a process and its descendants, in 10^6 bytes; what they share counts once (PSS).

    Mapped files are not included: they may be shared with other browsers, and the system can drop them.
    """
    found = [_pss_mb(member) for member in family_of(pid)]
    known = [memory for memory in found if memory is not None]
    return sum(known) if known else None


def role_of(command: list[str]) -> str:
    """Return the role of a process of Chromium or Firefox, by its command line."""
    options = dict(word.removeprefix("--").partition("=")[::2] for word in command if word.startswith("--"))
    if kind := options.get("type"):
        return options.get("utility-sub-type", kind).split(".")[0]
    return command[-1] if "-contentproc" in command else "browser"


def _seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """Return the fields after the name, which may contain any character."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0")
    except OSError:
        return []
    # Some processes of Chromium have theirs in one string.
    return text.split("\0" if "\0" in text else " ")


def _pss_mb(pid: int) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(kilobytes) * 1024 / 1e6 if kilobytes else None
