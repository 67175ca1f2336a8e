"""The path under which a host answers: a random one of its own, so that only those who were given it find the host."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from freespan.tunnel.kept_file import read_or_create
from freespan.wire.errors import InputError

_FILE = "path.txt"
_BYTES = 12
"""Random bytes in a path: 96 bits, written as 16 characters."""
_SEGMENT = r"/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+"
_PATH = re.compile(f"(?:{_SEGMENT})+")


def check_path(url: str) -> str | None:
    """Return what is wrong with the path of a public URL, or None. `url` has no trailing slash."""
    path = urlsplit(url).path
    if path and not _PATH.fullmatch(path):
        return "may have letters, digits and - . _ ~ in its path, and no other characters"
    return None


def kept_path(data: Path) -> str:
    """Return the random path that is kept in the data directory; empty if there is none, or none that can be read."""
    try:
        path = "/" + (data / _FILE).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return path if re.fullmatch(_SEGMENT, path) else ""


def own_path(public_url: str, data: Path) -> str:
    """Return the path of the public URL, or else the random one that is kept in the data directory.

    It begins with a slash and does not end with one.

    Raises:
        InputError: field `data`; the directory or the file in it cannot be used.
    """
    if path := urlsplit(public_url).path:
        return path
    name = read_or_create(data / _FILE, lambda: secrets.token_urlsafe(_BYTES).encode() + b"\n")
    path = "/" + name.decode("ascii", "replace").strip()
    if not re.fullmatch(_SEGMENT, path):
        raise InputError("data", f"{_FILE} holds no path; move it away to make a new one")
    return path
