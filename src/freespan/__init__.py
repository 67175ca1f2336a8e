"""freespan: visitors of a site lend their browsers, so that blocked readers can read.

The names of the library are loaded when they are first used, so that a program loads only what it needs: `connect` and
`Client` for readers, `Bridge` for volunteers, `Host` for hosts (installed as `freespan[host]`). See docs/library.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freespan.api.bridge import Bridge as Bridge
    from freespan.api.bridge import BridgeStatus as BridgeStatus
    from freespan.api.client import Client as Client
    from freespan.api.client import ClientSettings as ClientSettings
    from freespan.api.client import ClientStatus as ClientStatus
    from freespan.api.client import Proxy as Proxy
    from freespan.api.client import connect as connect
    from freespan.api.host import Host as Host
    from freespan.api.host import HostStatus as HostStatus
    from freespan.api.settings import HostSettings as HostSettings
    from freespan.api.stream import Stream as Stream
    from freespan.wire.errors import FreespanError as FreespanError
    from freespan.wire.errors import InputError as InputError
    from freespan.wire.errors import InviteError as InviteError
    from freespan.wire.errors import LinkError as LinkError
    from freespan.wire.errors import MissingLibraryError as MissingLibraryError
    from freespan.wire.errors import NotAdmittedError as NotAdmittedError
    from freespan.wire.errors import RendezvousError as RendezvousError
    from freespan.wire.errors import StreamError as StreamError
    from freespan.wire.errors import TunnelError as TunnelError
    from freespan.wire.errors import WrongKeyError as WrongKeyError

__version__ = "0.1.0"

_HOMES = {
    "api.bridge": ["Bridge", "BridgeStatus"],
    "api.client": ["Client", "ClientSettings", "ClientStatus", "Proxy", "connect"],
    "api.host": ["Host", "HostStatus"],
    "api.settings": ["HostSettings"],
    "api.stream": ["Stream"],
    "wire.errors": [
        "FreespanError",
        "InputError",
        "InviteError",
        "LinkError",
        "MissingLibraryError",
        "NotAdmittedError",
        "RendezvousError",
        "StreamError",
        "TunnelError",
        "WrongKeyError",
    ],
}
"""The module that each public name is loaded from."""

__all__ = [
    "Bridge",
    "BridgeStatus",
    "Client",
    "ClientSettings",
    "ClientStatus",
    "FreespanError",
    "Host",
    "HostSettings",
    "HostStatus",
    "InputError",
    "InviteError",
    "LinkError",
    "MissingLibraryError",
    "NotAdmittedError",
    "Proxy",
    "RendezvousError",
    "Stream",
    "StreamError",
    "TunnelError",
    "WrongKeyError",
    "__version__",
    "connect",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(f"freespan.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
