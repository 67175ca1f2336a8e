"""How many files, and so connections, this process may have open."""

from __future__ import annotations

import sys


def raise_open_files_limit() -> None:
    """As far as the system lets us without asking anybody; a host begins with 1,024 on many."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (hard, 10_240):  # macOS says "unlimited" and means the second
        if soft == resource.RLIM_INFINITY or 0 <= wanted <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return
        except (ValueError, OSError):
            continue
