"""Which STUN and TURN servers an end accepts from a host (RFC 7064, RFC 7065).

A host that names a server makes this end send packets to it, and with TURN over TCP, connect to any port. So a host on
the open internet may only name servers on the open internet. What a name resolves to is not checked here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from freespan.wire.addresses import is_private_host
from freespan.wire.errors import InputError, MessageError
from freespan.wire.messages import IceServer
from freespan.wire.target import parse_target

_URL = re.compile(
    r"(?P<scheme>stun|turns?):"
    r"(?P<target>(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?)"
    r"(?P<query>\?transport=(?:udp|tcp))?"
)
_FIELD = "ice_servers.urls"
_PORT = 3478


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
    if found is None or found["scheme"] not in schemes or (found["scheme"] == "stun" and found["query"]):
        raise MessageError(_FIELD, f"must be {' or '.join(f'{scheme}:host:port' for scheme in schemes)}")
    try:
        # This refuses numbers as well, which some resolvers take for addresses.
        host = parse_target(found["target"], default_port=_PORT).host
    except InputError as error:
        raise MessageError(_FIELD, error.reason) from None
    if not allow_private and is_private_host(host):
        raise MessageError(_FIELD, "must not be in a private network")
