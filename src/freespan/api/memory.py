"""How much memory a host may use: sizes as people write them, and what the machine has."""

from __future__ import annotations

import os
import re
from pathlib import Path

MEMORY_MIN = 256 * 10**6
"""With less, the libraries leave too little for anybody."""
_OWN = 150 * 10**6
"""What a host takes that nobody but itself has caused: the interpreter, its libraries, their caches."""
_PER_HELD_BYTE = 1.5
"""The process takes at most so many bytes for each one that the ledger counts: the allocator's own."""
_UNKNOWN = 2 * 10**9
"""Where the machine does not tell how much it has."""
_USUAL_PART = 0.75
_CGROUPS = Path("/sys/fs/cgroup")

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(MB|GB|MiB|GiB)", re.ASCII)
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


def size_of(text: str) -> int | None:
    """The bytes of a size such as `2GB`, `1.5 GiB` or `700MB`; None if it is none."""
    found = _SIZE.fullmatch(text.strip())
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def text_of(size: int) -> str:
    """A size as people write it, rounded down to 10 MB."""
    return f"{size // 10**7 * 10}MB"


def usual_memory() -> int:
    """Bytes that a host uses at most where nothing else was said."""
    return max(MEMORY_MIN, int(machine_memory() * _USUAL_PART))


def ledger_limit(memory: int) -> int:
    """How much the ledger of a process may count that shall take `memory` bytes at most."""
    return int((memory - _OWN) / _PER_HELD_BYTE)


def machine_memory(own_group: Path = Path("/proc/self/cgroup"), groups: Path = _CGROUPS) -> int:
    """The memory of this machine, or of this process' cgroup if that has less."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        installed = _UNKNOWN
    return min([installed, *_group_limits(own_group, groups)])


def _group_limits(own_group: Path, groups: Path) -> list[int]:
    """The limits of this process' cgroup and of those around it."""
    try:
        lines = own_group.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []  # not Linux
    limits = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2
            group, name = groups / path.lstrip("/"), "memory.max"
        elif "memory" in controllers.split(","):
            group, name = groups / "memory" / path.lstrip("/"), "memory.limit_in_bytes"
        else:
            continue
        while group != groups.parent:
            limits += _limit_in(group / name)
            group = group.parent
    return limits


def _limit_in(file: Path) -> list[int]:
    try:
        return [int(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError):  # it has none, or says `max`
        return []
