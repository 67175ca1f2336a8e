"""The host's TURN servers (RFC 8656), and credentials for them that expire. Pure: the time is handed in.

A TURN server shares one secret with the broker and has no list of users. A user name is the time at which it expires,
in seconds of unix time, and its password proves that somebody with the secret wrote it: base64(HMAC-SHA1(secret,
name)), as coturn expects it with `use-auth-secret` (draft-uberti-behave-turn-rest-00). All who ask in the same second
are given the same user name, so that it identifies nobody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence

from freespan.wire.errors import InputError
from freespan.wire.limits import TURN_CREDENTIAL_SECONDS
from freespan.wire.messages import IceServer
from freespan.wire.target import parse_target

TURN_URLS_MAX = 8
"""How many URLs a host may have: more only slow down everybody's gathering, and one `IceServer` holds no more."""
_OPTION = "turn"
_PORTS = {"turn": 3478, "turns": 5349}
_URL_HOST = re.compile(r"turns?:(?:\[(.*)\]|([^:]*)):.*")
"""Of a URL that `check_turn_url` has returned."""
_QUERIES = {"turn": {"", "transport=udp", "transport=tcp"}, "turns": {"", "transport=tcp"}}
"""The queries that a URL may have. No browser speaks TURN over DTLS, so `turns` with UDP would be useless."""


class TurnServers:
    """One or more TURN servers that share one secret.

    Args:
        urls: `turn:` and `turns:` URLs (RFC 7065), 1 to `TURN_URLS_MAX`.
        secret: the `static-auth-secret` of the servers.

    Raises:
        InputError: field `turn`; no URL, too many URLs, one that is not a TURN URL, or an empty secret.
    """

    def __init__(self, urls: Sequence[str], secret: str) -> None:
        if not 0 < len(urls) <= TURN_URLS_MAX:
            raise InputError(_OPTION, f"takes 1 to {TURN_URLS_MAX} URLs")
        if not secret:
            raise InputError(_OPTION, "needs the secret of the TURN server, and the one given is empty")
        self._urls = [check_turn_url(url) for url in urls]
        self._secret = secret.encode()

    @property
    def hosts(self) -> list[str]:
        """The names or addresses of the servers, without brackets."""
        return [_URL_HOST.sub(r"\1\2", url) for url in self._urls]

    def credentials(self, now: float) -> list[IceServer]:
        """Return the servers with credentials for `TURN_CREDENTIAL_SECONDS`; `now` in seconds of unix time."""
        username = str(int(now + TURN_CREDENTIAL_SECONDS))
        digest = hmac.digest(self._secret, username.encode(), hashlib.sha1)
        return [IceServer(self._urls, username, base64.b64encode(digest).decode())]


def check_turn_url(url: str) -> str:
    """Return a TURN URL (RFC 7065) with its port written out, such as `turn:host:port?transport=udp`.

    Raises:
        InputError: field `turn`.
    """
    scheme, _, rest = url.partition(":")
    address, mark, query = rest.partition("?")
    if scheme not in _PORTS or (mark and not query):
        raise InputError(_OPTION, "must look like turn:turn.example:3478?transport=udp")
    if query not in _QUERIES[scheme]:
        raise InputError(_OPTION, "takes ?transport=udp or ?transport=tcp, and turns: takes tcp alone")
    try:
        target = parse_target(address, default_port=_PORTS[scheme])
    except InputError as error:
        raise InputError(_OPTION, error.reason) from None
    return f"{scheme}:{target}{mark}{query}"
