"""The token of an invite: the id of the invite, and a MAC of it under a key that only the host has. Pure.

So the host needs to keep no token to know its own: what it keeps opens no door, an invite can be shown again at any
time, and a made-up token costs one MAC.
"""

from __future__ import annotations

import hmac

ID_SIZE = 8
"""Bytes of the id of an invite."""
_MAC_SIZE = 16
_MAC = "sha256"


class Tokens:
    """Makes and reads the tokens of one host, which has derived `secret` (32 bytes) from its key."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, invite_id: bytes) -> bytes:
        """The token of an invite: always the same one."""
        if len(invite_id) != ID_SIZE:
            raise ValueError(f"the id of an invite has {ID_SIZE} bytes")
        return invite_id + self._mac(invite_id)

    def id_of(self, token: bytes) -> bytes | None:
        """The id that a token names; None if this host has not made it. The time tells nothing of the right MAC."""
        invite_id, mac = token[:ID_SIZE], token[ID_SIZE:]
        return invite_id if hmac.compare_digest(self._mac(invite_id), mac) else None

    def _mac(self, invite_id: bytes) -> bytes:
        return hmac.digest(self._secret, invite_id, _MAC)[:_MAC_SIZE]
