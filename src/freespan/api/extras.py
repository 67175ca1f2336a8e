"""Which libraries only a host needs, and one clear line where they are missing.

They come with the extra `host`: `pip install '.[host]'` in a clone.
"""

from __future__ import annotations

from freespan.wire.errors import MissingLibraryError

HOST_LIBRARIES = ("aioice", "maxminddb", "prometheus_client", "rjsmin")
"""Imported by the broker, the egress and the pages of a host, and by nothing that a client or a bridge runs.

segno is in the extra as well; only `freespan invite show` needs it.
"""


def require_host_libraries() -> None:
    """Raise `MissingLibraryError` unless everything that a host needs is installed."""
    import importlib.util  # `freespan --help` has no need of it

    missing = [name for name in HOST_LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingLibraryError("freespan[host]", missing)
