"""Files of a person with a secret in them: who reads one is told if others can read it too."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from freespan.terminal.output import print_error


def warn_if_others_can_read(file: Path) -> None:
    """Print a warning if every user of this machine can read this file."""
    if os.name != "nt" and _others_can_read(file):
        print_error(f"{file}: every user of this machine can read this file: chmod 600 it")


def _others_can_read(file: Path) -> bool:
    """Whether its modes let others read it, and those of its folders let them come there."""
    try:
        place = file.resolve()
        now = place.stat()
        return (
            stat.S_ISREG(now.st_mode)
            and bool(now.st_mode & stat.S_IROTH)
            and all(folder.stat().st_mode & stat.S_IXOTH for folder in place.parents)
        )
    except OSError:  # whoever reads it says what is wrong with it
        return False
