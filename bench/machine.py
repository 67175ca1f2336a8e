"""What is worth knowing of the machine that was measured, without anything that identifies it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from bench.bridges import version_of

_LIBRARIES = ("aiohttp", "aioquic", "wrtc")


async def facts() -> dict[str, object]:
    """Return system, cores, and the versions of Python, libraries and browsers."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "browsers": {kind: await version_of(kind) for kind in ("chromium", "firefox")},
    }
