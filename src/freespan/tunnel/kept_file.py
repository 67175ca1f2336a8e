"""A secret that is made once and then kept in a file that only its owner can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from freespan.wire.errors import InputError


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Read a file; if it does not exist, write what `make` returns, with mode 0600. A missing folder is made (0700).

    Raises:
        InputError: field `data`; the file or its folder cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_new(path, make())
        return path.read_bytes()
    except (FileExistsError, NotADirectoryError):
        raise InputError("data", "not a directory") from None
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError("data", f"the directory cannot be used: {reason}") from None


def _write_new(path: Path, content: bytes) -> None:
    """Write a temporary file and link it into place: a crash leaves no half file, and nobody's file is overwritten."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        _put(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _put(temporary: Path, path: Path) -> None:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass  # another process was faster: its content counts
    except OSError:  # a file system without links
        temporary.replace(path)
