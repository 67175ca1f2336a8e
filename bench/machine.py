"""What a reader of the figures needs to know of the machine, and nothing that names it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from bench.browser import version_of

_LIBRARIES = ("aiohttp", "aioquic", "wrtc")


async def facts() -> dict[str, object]:
    """System, cores, and the versions of what does the work."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "browsers": {kind: await version_of(kind) for kind in ("chromium", "firefox")},
    }
