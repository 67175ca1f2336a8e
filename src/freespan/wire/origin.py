"""The origin of WebSocket URLs (RFC 6454): an end that was given one host connects to no other."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from freespan.wire.errors import InputError, MessageError
from freespan.wire.target import parse_host

_DEFAULT_PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}
_URL = re.compile(
    r"(?P<scheme>wss?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>(?:/[!-\"$-\[\]-~]*)?)"
)
"""No user, no fragment and no backslash: URL parsers differ in what they take for the host around them."""


class _Origin(NamedTuple):
    is_secure: bool
    host: str
    port: int


def websocket_at_origin(base: str, url: str) -> str:
    """Return the WebSocket URL `url`, written anew with the host of the http or https URL `base`.

    Raises:
        MessageError: field `egress`; it has another origin than `base`, or is no such URL.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise MessageError("egress", "must be a ws or wss URL")
    parts = urlsplit(base)
    own = _origin(parts.scheme, parts.hostname or "", parts.port)
    other = _origin(found["scheme"], found["host"].strip("[]"), int(found["port"]) if found["port"] else None)
    if own is None or own != other:
        raise MessageError("egress", "must have the origin of the broker")
    return f"{'wss' if own.is_secure else 'ws'}://{parts.netloc}{found['rest'] or '/'}"


def _origin(scheme: str, host: str, port: int | None) -> _Origin | None:
    try:
        return _Origin(scheme in ("https", "wss"), parse_host(host), _DEFAULT_PORTS[scheme] if port is None else port)
    except InputError:
        return None
