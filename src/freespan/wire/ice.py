"""Which STUN and TURN servers an end accepts from a host (RFC 7064, RFC 7065).

A host that names a server makes this end send packets to it, and with TURN over TCP, connect to any port. So a host on
the open internet may only name servers on the open internet. What a name resolves to is not checked here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from freespan.wire.addresses import is_private_host, parse_address
from freespan.wire.errors import MessageError
from freespan.wire.messages import IceServer

_URL = re.compile(
    r"(?P<scheme>stun|turns?):(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<query>\?transport=(?:udp|tcp))?"
)
_FIELD = "ice_servers.urls"
_PORT_MAX = 65_535
_NAME_MAX = 253
_LABEL = re.compile("[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# No name ends in a number (WHATWG URL): some resolvers take it for an address.
_NUMBER = re.compile("[0-9]+|0[xX][0-9A-Fa-f]*")


def check_stun(servers: list[IceServer], *, allow_private: bool) -> list[IceServer]:
    """Return the servers of a welcome; every URL must be `stun:host:port`.

    `allow_private` is for hosts whose own URL is private (`is_private_url`).

    Raises:
        MessageError: field `ice_servers.urls`.
    """
    return _checked(servers, ("stun",), allow_private)


def check_turn_servers(servers: list[IceServer], *, allow_private: bool) -> list[IceServer]:
    """Return the servers of an offer or of `GET /v1/turn`; every URL must be a TURN URL. Otherwise as `check_stun`."""
    return _checked(servers, ("turn", "turns"), allow_private)


def _checked(servers: list[IceServer], schemes: Sequence[str], allow_private: bool) -> list[IceServer]:
    for server in servers:
        for url in server.urls:
            _check(url, schemes, allow_private)
    return servers


def _check(url: str, schemes: Sequence[str], allow_private: bool) -> None:
    found = _URL.fullmatch(url)
    is_server = (
        found is not None
        and found["scheme"] in schemes
        and not (found["scheme"] == "stun" and found["query"])
        and int(found["port"] or 1) <= _PORT_MAX
        and _is_host(found["host"])
    )
    if found is None or not is_server:
        raise MessageError(_FIELD, f"must be {' or '.join(f'{scheme}:host:port' for scheme in schemes)}")
    if not allow_private and is_private_host(found["host"].strip("[]")):
        raise MessageError(_FIELD, "must not be in a private network")


def _is_host(host: str) -> bool:
    """Whether it is an address or a name, and no number that stands for an address."""
    if host.startswith("["):
        return isinstance(parse_address(host[1:-1]), ipaddress.IPv6Address)
    if parse_address(host) is not None:
        return True
    name = host.removesuffix(".")
    labels = name.split(".")
    return len(name) <= _NAME_MAX and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
