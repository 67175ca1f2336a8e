"""A secret that is made once and kept in a file, for its owner alone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Read a file; if it is not there, write what `make` returns, readable by its owner alone (0600). Raises `OSError`.

    Its folder is made too where it is missing (0700).
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _write_new(path, make())
    return path.read_bytes()


def _write_new(path: Path, content: bytes) -> None:
    # Written beside and linked into place: a crash leaves no half file, and a second process does not overwrite the
    # first one's.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # 0600
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        _put(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _put(beside: Path, path: Path) -> None:
    try:
        path.hardlink_to(beside)
    except FileExistsError:
        pass  # another process was faster: its content counts
    except OSError:  # a file system without links
        beside.replace(path)
