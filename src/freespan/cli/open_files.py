"""Raises the number of files, and so of connections, that this process may have open."""

from __future__ import annotations

import sys


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
