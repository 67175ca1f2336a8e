"""The host's relays (TURN, RFC 8656), and credentials for them that are good for a while. Pure: the time is handed in.

A relay shares one secret with the broker and keeps no list of users. A user name is the time until which it is good, in
seconds of unix time, and its password proves that somebody with the secret wrote it: base64(HMAC-SHA1(secret, name)),
as coturn expects it with `use-auth-secret` (draft-uberti-behave-turn-rest-00). Whoever asks in the same second is given
the same name, so that it tells nobody from anybody else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from freespan.wire.errors import InputError
from freespan.wire.limits import TURN_CREDENTIAL_SECONDS
from freespan.wire.messages import IceServer
from freespan.wire.target import parse_target

TURN_URLS_MAX = 8
"""More ways to the relays only make everybody's gathering slower; it is also what one `IceServer` holds."""
_OPTION = "turn"
_PORTS = {"turn": 3478, "turns": 5349}
_QUERIES = {"turn": {"", "transport=udp", "transport=tcp"}, "turns": {"", "transport=tcp"}}
"""TURN over DTLS is in no browser, so `turns` with UDP would be of no use to anybody."""


class TurnServers:
    """`urls` are the ways to one or more relays that share one secret; `secret` is their `static-auth-secret`.

    Raises:
        InputError: field `turn`; none or too many URLs, one that is none of TURN's, or an empty secret.
    """

    def __init__(self, urls: Sequence[str], secret: str) -> None:
        if not 0 < len(urls) <= TURN_URLS_MAX:
            raise InputError(_OPTION, f"takes 1 to {TURN_URLS_MAX} URLs")
        if not secret:
            raise InputError(_OPTION, "needs the secret of the relay, and the one given is empty")
        self._urls = [check_turn_url(url) for url in urls]
        self._secret = secret.encode()

    def credentials(self, now: float) -> list[IceServer]:
        """The relays with credentials that are good for `TURN_CREDENTIAL_SECONDS`; `now` in seconds of unix time."""
        username = str(int(now + TURN_CREDENTIAL_SECONDS))
        digest = hmac.digest(self._secret, username.encode(), hashlib.sha1)
        return [IceServer(self._urls, username, base64.b64encode(digest).decode())]


def check_turn_url(url: str) -> str:
    """Return a URL of a relay (RFC 7065) with its port written out: `turn:host:port?transport=udp`, `turns:…`.

    Raises:
        InputError: field `turn`.
    """
    scheme, _, rest = url.partition(":")
    address, mark, query = rest.partition("?")
    if scheme not in _PORTS or (mark and not query):
        raise InputError(_OPTION, "must look like turn:relay.example:3478?transport=udp")
    if query not in _QUERIES[scheme]:
        raise InputError(_OPTION, "takes ?transport=udp or ?transport=tcp, and turns is over tcp alone")
    try:
        target = parse_target(address, default_port=_PORTS[scheme])
    except InputError as error:
        raise InputError(_OPTION, error.reason) from None
    return f"{scheme}:{target}{mark}{query}"
