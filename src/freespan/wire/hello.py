"""What is sealed in a HELLO: which invite this is, and a key for the answer, always of one size."""

from __future__ import annotations

import msgspec

from freespan.wire.errors import MessageError
from freespan.wire.invite import TOKEN_SIZE

HELLO_PURPOSE = b"hello"
"""What it is sealed for; the SHA-256 of the frames of that HELLO is its context."""
REPLY_KEY_SIZE = 32


class ShownInvite(msgspec.Struct, frozen=True):
    """The token of an invite, and a fresh key (`REPLY_KEY_SIZE` bytes) for the answer to this HELLO."""

    token: bytes
    reply_key: bytes


def encode_shown(shown: ShownInvite) -> bytes:
    """What is to be sealed."""
    return shown.token + shown.reply_key


def decode_shown(data: bytes) -> ShownInvite:
    """Read what was sealed. Raises `MessageError`."""
    if len(data) != TOKEN_SIZE + REPLY_KEY_SIZE:
        raise MessageError("hello", "what is sealed in it has a forbidden size")
    return ShownInvite(data[:TOKEN_SIZE], data[TOKEN_SIZE:])
