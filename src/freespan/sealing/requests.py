"""A sealed request to the broker, and its sealed answer. Both are padded, and each belongs to the other alone.

client                                                   broker
seal_request(sealing key, SealedRequest)  ── body ──▶    open_request(opener, body)
open_answer(reply key, body)              ◀── body ──    seal_answer(reply key, JSON)
"""

from __future__ import annotations

from freespan.sealing.hpke import SEAL_OVERHEAD, Opener, seal
from freespan.sealing.replies import REPLY_OVERHEAD, open_reply, seal_reply
from freespan.wire.sealed_request import SealedRequest, decode_sealed_request, encode_sealed_request, padded

_PURPOSE = b"rendezvous"


def seal_request(sealing_key: bytes, request: SealedRequest) -> bytes:
    """The body to send. Raises `ValueError` if the message is too long."""
    return seal(sealing_key, _PURPOSE, encode_sealed_request(request, SEAL_OVERHEAD))


def open_request(opener: Opener, body: bytes) -> SealedRequest:
    """What was sealed. Raises `SealError` if it does not open, and `MessageError` if nothing can be read in it."""
    return decode_sealed_request(opener.open(_PURPOSE, body))


def seal_answer(reply_key: bytes, message: bytes) -> bytes:
    """The body of the answer. Raises `ValueError` if the message is too long."""
    return seal_reply(reply_key, _PURPOSE, padded(message, REPLY_OVERHEAD))


def open_answer(reply_key: bytes, body: bytes) -> bytes:
    """The JSON of the answer, with its padding. Raises `SealError`: this is not the broker's answer to this request."""
    return open_reply(reply_key, _PURPOSE, body)
