"""The user name and the password that programs must give to the local proxy, where the reader wants that. Pure.

HTTP has them in `Proxy-Authorization` (RFC 7617), SOCKS5 in a step of its own (RFC 1929), SOCKS 4 in its user id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field

from freespan.wire.errors import InputError

_PART_MAX = 255
"""Longest name or password, in bytes: what RFC 1929 has room for."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name without a colon, and a password."""

    user: str
    password: str = field(repr=False)

    def are(self, user: bytes, password: bytes) -> bool:
        """Whether a program has given these, in a time that says nothing about them."""
        return hmac.compare_digest(_digest(user, password), _digest(self.user.encode(), self.password.encode()))

    def are_in(self, authorization: bytes) -> bool:
        """Whether the value of a `Proxy-Authorization` header has them, by the scheme Basic."""
        scheme, _, encoded = authorization.strip().partition(b" ")
        if scheme.lower() != b"basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        except binascii.Error:
            return False
        return self.are(user, password)


def parse_credentials(text: str) -> Credentials:
    """Read `user:password`; white space around it does not count.

    Raises:
        InputError: field `proxy-password`; the text never quotes it.
    """
    user, colon, password = text.strip().partition(":")
    if not (colon and user and password):
        raise InputError("proxy-password", "must be a user name, a colon and a password, in one line")
    if not (user + password).isprintable():
        raise InputError("proxy-password", "must be one line, without control characters")
    if max(len(user.encode()), len(password.encode())) > _PART_MAX:
        raise InputError("proxy-password", f"must have at most {_PART_MAX} bytes on each side of the colon")
    return Credentials(user, password)


def _digest(user: bytes, password: bytes) -> bytes:
    """Of one length for all; no two pairs look alike, since the name's length stands before it."""
    return hashlib.sha256(len(user).to_bytes(4) + user + password).digest()
