"""What inputs reach, and so which of them to keep."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

_TOOL = 4
"""A number for `sys.monitoring` that is nobody's (PEP 669)."""
_PACKAGES = ("/freespan/", "/aioquic/", "/aioice/")

Branch = tuple[CodeType, int, int]


def needed(run: Callable[[bytes], object], inputs: Iterable[bytes]) -> list[bytes]:
    """The inputs, from the shortest on, that reach a branch which none before them has reached."""
    monitoring: Any = vars(sys)["monitoring"]  # since Python 3.12
    reached: set[Branch] = set()

    def note(code: CodeType, offset: int, destination: int) -> object:
        if not any(package in code.co_filename for package in _PACKAGES):
            return monitoring.DISABLE
        reached.add((code, offset, destination))
        return None

    kept = []
    monitoring.use_tool_id(_TOOL, "fuzz")
    try:
        monitoring.register_callback(_TOOL, monitoring.events.BRANCH, note)
        monitoring.set_events(_TOOL, monitoring.events.BRANCH)
        for data in sorted(set(inputs), key=lambda data: (len(data), data)):
            before = len(reached)
            with contextlib.suppress(Exception):  # it is among the crashers
                run(data)
                if len(reached) > before:
                    kept.append(data)
    finally:
        monitoring.free_tool_id(_TOOL)
    return kept
