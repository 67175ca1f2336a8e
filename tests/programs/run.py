"""Runs a program of this machine as its reader would, with a home of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "build" / "programs"
"""What `scripts/install-programs.sh` has put there."""
PYTHON = PROGRAMS / "venv" / "bin" / "python"
SECONDS = 90.0
_SETTING = re.compile(r"_proxy$|_ca_bundle$|^ssl_cert|extra_ca_certs$|^pip_|^npm_|^git_", re.IGNORECASE)
"""Variables that would change where a program asks, or whom it trusts."""


def need(*names: str) -> None:
    """Skip the test if a program is not installed."""
    for name in names:
        if not (shutil.which(name) or (Path(name).is_absolute() and Path(name).exists())):
            pytest.skip(f"{name} cannot be had here: see what scripts/install-programs.sh says")


def run(*command: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end, which must be a success; returns its standard output.

    It has no other setting than those given here: its home is `folder`, and no variable names a proxy or whom to trust.
    """
    kept = {name: value for name, value in os.environ.items() if not _SETTING.search(name)}
    settings = {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", **(environment or {})}
    done = subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False
    )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{command[0]}: {done.returncode}\n{output[-3000:]}\n{done.stderr.decode()[-3000:]}"
    return output
