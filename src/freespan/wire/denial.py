"""Why a host begins no session, or has ended one, as it tells a client: always of one size, so that nobody else learns
anything from that.

A denial is a length (1), that many bytes of msgpack of [code, amount, day], and zeros up to 64 bytes in all.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from freespan.wire.errors import MessageError, NotAdmittedError

HOST_FULL = "host_full"
"""The code of a host that has no room for a session now; the others are in `admission.py`."""
DENIAL_SIZE = 64
"""Bytes of every denial."""


class Denial(msgspec.Struct, frozen=True, array_like=True):
    """A code, and what belongs to it (see `admission.py`): a client need not know every code."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern="^[a-z_]+$")]
    amount: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    again: Annotated[str, msgspec.Meta(max_length=10, pattern="^[0-9-]*$")] = ""

    @classmethod
    def of(cls, error: NotAdmittedError) -> Denial:
        """What tells of this error."""
        return cls(error.code, error.amount, error.again)

    @property
    def error(self) -> NotAdmittedError:
        """The error that tells a person of this."""
        return NotAdmittedError(self.code, self.amount, self.again)


_decoder = msgspec.msgpack.Decoder(Denial)


def encode_denial(denial: Denial) -> bytes:
    """The `DENIAL_SIZE` bytes of a denial."""
    body = msgspec.msgpack.encode(denial)
    return (bytes((len(body),)) + body).ljust(DENIAL_SIZE, b"\0")


def decode_denial(data: bytes) -> Denial:
    """Read a denial. Raises `MessageError` for anything that `encode_denial` does not make."""
    if len(data) != DENIAL_SIZE:
        raise MessageError("denial", "has a forbidden size")
    end = 1 + data[0]
    if end > DENIAL_SIZE or data[end:].strip(b"\0"):
        raise MessageError("denial", "is not padded with zeros")
    try:
        return _decoder.decode(data[1:end])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageError("denial", "is not in the protocol") from None
