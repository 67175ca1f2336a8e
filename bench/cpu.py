"""What processes cost, as Linux counts it (proc(5)); elsewhere nothing is known, and figures stay empty."""

from __future__ import annotations

import os
from pathlib import Path

_OWN, _WITH_CHILDREN = slice(11, 13), slice(11, 15)
"""In /proc/PID/stat: ticks of user and system; and the same of the children that are gone."""


def seconds_of(pid: int) -> float | None:
    """CPU seconds that a process has used, user and system, all its threads."""
    fields = _stat(pid)
    return _seconds(fields[_OWN]) if fields else None


def rss_mb_of(pid: int) -> float | None:
    """Memory of a process that is in RAM now, in 10^6 bytes."""
    fields = _stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if fields else None


def family_of(pid: int) -> set[int]:
    """Process ids of a process and of all that it has started, and what these have."""
    family, waiting = set[int](), [pid]
    while waiting:
        member = waiting.pop()
        family.add(member)
        for file in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                waiting += [child for child in map(int, file.read_text().split()) if child not in family]
            except OSError:
                pass  # a thread that has just ended
    return family


def seconds_of_family(pid: int) -> dict[str, float]:
    """CPU seconds of a browser's processes by what they do; never less in all than before, whoever has ended."""
    used: dict[str, float] = {}
    for member in family_of(pid):
        if fields := _stat(member):
            role = role_of(_command(member))
            used[role] = used.get(role, 0.0) + _seconds(fields[_WITH_CHILDREN])
    return used


def memory_mb_of_family(pid: int) -> float | None:
    """Memory of a process and its descendants in 10^6 bytes: what several of them share counts once (PSS).

    The program's own files are left out: other browsers on the machine share them, and the system can drop them.
    """
    found = [_pss_mb(member) for member in family_of(pid)]
    known = [memory for memory in found if memory is not None]
    return sum(known) if known else None


def role_of(command: list[str]) -> str:
    """What a process of Chromium or Firefox is there for, from its command line."""
    options = dict(word.removeprefix("--").partition("=")[::2] for word in command if word.startswith("--"))
    if kind := options.get("type"):
        return options.get("utility-sub-type", kind).split(".")[0]
    return command[-1] if "-contentproc" in command else "browser"


def _seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields after the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _command(pid: int) -> list[str]:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").rstrip("\0")
    except OSError:
        return []
    # Some of Chromium's processes write theirs as one string.
    return words.split("\0" if "\0" in words else " ")


def _pss_mb(pid: int) -> float | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(kilobytes) * 1024 / 1e6 if kilobytes else None
