"""Enters a network namespace with the thread that runs this (setns(2))."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_CLONE_NEWNET = 0x40000000


def enter(namespace: str) -> None:
    """Move this thread into a network namespace; what it opens from now on is in there. Raises `OSError`."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open(Path("/run/netns") / namespace, os.O_RDONLY)
    try:
        if libc.setns(place, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    finally:
        os.close(place)
