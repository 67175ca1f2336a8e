"""What is inside a sealed request to the broker: `token (24)  reply key (32)  JSON  spaces`.

The spaces pad the whole body to a step (`limits.RENDEZVOUS_STEPS`); to JSON they mean nothing. The answer is sealed
with the reply key, and is padded in the same way. docs/protocol/rendezvous.md has the details.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from freespan.wire.errors import MessageError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import RENDEZVOUS_STEPS

REPLY_KEY_SIZE = 32
"""Bytes of a reply key."""
_KEYS_SIZE = TOKEN_SIZE + REPLY_KEY_SIZE


@dataclass(frozen=True)
class SealedRequest:
    """A request without its seal.

    Attributes:
        token: that of the invite.
        reply_key: what the answer is sealed with.
        message: JSON, with the padding or without it.
    """

    token: bytes = field(repr=False)
    reply_key: bytes = field(repr=False)
    message: bytes


def encode_sealed_request(request: SealedRequest, overhead: int) -> bytes:
    """Write a request, padded so that it makes a step together with the `overhead` of its seal. Raises `ValueError`."""
    return request.token + request.reply_key + padded(request.message, overhead + _KEYS_SIZE)


def decode_sealed_request(plaintext: bytes) -> SealedRequest:
    """Read a request. Raises `MessageError` if it is too short."""
    if len(plaintext) < _KEYS_SIZE:
        raise MessageError("message", "is too short for a sealed request")
    return SealedRequest(plaintext[:TOKEN_SIZE], plaintext[TOKEN_SIZE:_KEYS_SIZE], plaintext[_KEYS_SIZE:])


def padded(message: bytes, overhead: int) -> bytes:
    """JSON with spaces behind it, up to the next step. Raises `ValueError` if it is longer than the last one."""
    for step in RENDEZVOUS_STEPS:
        if len(message) + overhead <= step:
            return message.ljust(step - overhead)
    raise ValueError("the message is longer than the longest that can be sealed")
