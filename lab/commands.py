"""Command lines and the environment of the programs that the lab runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python(module: str) -> list[str]:
    """Return the command line for `python -m MODULE` with the Python that runs this."""
    return [sys.executable, "-m", module]


def freespan(*arguments: str) -> list[str]:
    """Return the command line for `freespan ARGUMENTS`."""
    return [*python("freespan"), *arguments]


def environment(**more: str) -> dict[str, str]:
    """Return the environment in which a program finds the lab and freespan, and does not buffer its output."""
    path = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}
