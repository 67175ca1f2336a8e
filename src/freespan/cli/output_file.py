"""The file that a download is written to: it has its name only when it is whole."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from freespan.cli.download import FetchError
from freespan.wire.errors import InputError


def output_path(output: str, url: str) -> Path | None:
    """Return the path that was asked for, or else the last name in the URL; None for standard output.

    Raises:
        InputError: the name in the URL is taken by another file.
    """
    if output == "-":
        return None
    if output:
        return Path(output)
    name = Path(unquote(urlsplit(url).path)).name or "index.html"
    path = Path(name)
    if path.exists():
        raise InputError("--output", f"{name} exists already; name another file with -o")
    return path


@contextlib.contextmanager
def written_file(path: Path | None) -> Iterator[BinaryIO]:
    """Write beside the wanted name, and rename when all is there. A device or a pipe is written directly."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    is_file = path.is_file() or not path.exists()
    part = path.with_name(path.name + ".part") if is_file else path
    try:
        if is_file:  # a new one: what is there may be somebody else's, or lead elsewhere
            part.unlink(missing_ok=True)
        file = part.open("xb" if is_file else "wb")
    except OSError as error:
        raise InputError("--output", f"cannot be written: {_reason(error)}") from None
    try:
        with file:
            yield file
        if is_file:
            part.replace(path)
    except OSError as error:
        raise FetchError(f"the output cannot be written: {_reason(error)}") from None
    finally:
        if is_file:
            part.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return (error.strerror or "input/output error").lower()
