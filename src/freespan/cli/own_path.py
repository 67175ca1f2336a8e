"""The path under which a host's doors are: its own, so that nobody finds them who was not told."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from freespan.tunnel.kept_file import read_or_create
from freespan.wire.errors import InputError

_FILE = "path.txt"
_BYTES = 12
"""16 characters: 96 bits."""
_SEGMENT = r"/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+"
_PATH = re.compile(f"(?:{_SEGMENT})+")


def own_path(public_url: str, data: Path) -> str:
    """Return the path of the public URL (as `check_broker_url` leaves it), or the random one of the data folder.

    Begins with a slash and does not end with one.

    Raises:
        InputError: field `public-url` or `data`.
    """
    if path := urlsplit(public_url).path:
        if not _PATH.fullmatch(path):
            raise InputError("public-url", "may have letters, digits and - . _ ~ in its path, and no other characters")
        return path
    try:
        name = read_or_create(data / _FILE, lambda: secrets.token_urlsafe(_BYTES).encode() + b"\n")
    except OSError as error:
        raise InputError("data", f"the data folder cannot be used: {error.strerror or 'input/output error'}") from None
    path = "/" + name.decode("ascii", "replace").strip()
    if not re.fullmatch(_SEGMENT, path):
        raise InputError("data", f"{_FILE} holds no path; move it away to make a new one")
    return path
