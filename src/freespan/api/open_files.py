"""How many files, and so how many connections, this process may have open, and what they are for.

limit of the system = 2 × connections to the host + connections to targets + attempts to open some + the rest

A connection to the host may have a file of the site open as well, as long as its client takes to read it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

_REST = 256
"""Files, libraries, sockets that listen, lookups."""
_CONNECTIONS_MAX = 40_000
_FILES_OF_A_CONNECTION = 2
_SOCKETS_MAX = 8_192
_DIALS_MAX = 512
_SOCKETS_OF_A_DIAL = 8
"""An attempt may try all addresses of a name at once (RFC 8305)."""
_WITHOUT_LIMIT = 1 << 20


@dataclass(frozen=True)
class OpenFiles:
    """How many of each a host has at a time.

    Attributes:
        connections: connections to the host, whoever opens them and whatever for.
        sockets: connections of the egress to targets.
        dials: connections to targets that are being opened.
    """

    connections: int
    sockets: int
    dials: int


def shared_out(limit: int) -> OpenFiles:
    """Share out a limit of open files."""
    rest = min(_REST, limit // 4)
    sockets = max(1, min(_SOCKETS_MAX, (limit - rest) // 4))
    dials = max(1, min(_DIALS_MAX, sockets // _SOCKETS_OF_A_DIAL))
    left = limit - rest - sockets - dials * _SOCKETS_OF_A_DIAL
    connections = max(1, min(_CONNECTIONS_MAX, left // _FILES_OF_A_CONNECTION))
    return OpenFiles(connections, sockets, dials)


def connections_of_a_client(limit: int, most: int) -> int:
    """How many connections of programs a client may have, which has a few hundred other files: at most `most`."""
    return max(1, min(most, limit - min(_REST, limit // 2)))


def open_files_limit() -> int:
    """How many files this process may have open now."""
    if sys.platform == "win32":
        return _WITHOUT_LIMIT  # sockets are no files there
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WITHOUT_LIMIT if soft == resource.RLIM_INFINITY else soft


def hard_limit() -> int:
    """How many files a host in this user's processes may have open, once it has raised the limit."""
    if sys.platform == "win32":
        return _WITHOUT_LIMIT
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WITHOUT_LIMIT if resource.RLIM_INFINITY in (soft, hard) else max(soft, hard)


def raise_open_files_limit() -> None:
    """Raise the limit as far as the system lets an ordinary user; on many systems it starts at 1,024."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 10_240):  # macOS reports "unlimited" and refuses more than the second
        if soft == resource.RLIM_INFINITY or 0 <= wanted <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return
        except (ValueError, OSError):
            continue
