"""A STUN Binding request, and what the answer to it says (RFC 8489 sections 5 and 14.2). Pure.

A WebRTC engine does not tell whether a server has answered where the answer is the address that it knows already, as on
a machine with a public one. So a doctor asks by itself.
"""

from __future__ import annotations

import ipaddress
import struct

from freespan.wire.addresses import Address

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_REQUEST, _ANSWER = 0x0001, 0x0101
_COOKIE = 0x2112A442
_XOR_MAPPED_ADDRESS = 0x0020
_SIZES = {1: 4, 2: 16}
ID_SIZE = 12


def binding_request(transaction: bytes) -> bytes:
    """The request with this transaction ID, which is 12 random bytes."""
    return _HEADER.pack(_REQUEST, 0, _COOKIE, transaction)


def mapped_address(answer: bytes, transaction: bytes) -> Address | None:
    """From which address the server has seen the request come; None for what is no answer to it."""
    if len(answer) < _HEADER.size:
        return None
    kind, length, cookie, named = _HEADER.unpack_from(answer)
    if (kind, cookie, named) != (_ANSWER, _COOKIE, transaction) or length != len(answer) - _HEADER.size:
        return None
    rest = answer[_HEADER.size :]
    while len(rest) >= _ATTRIBUTE.size:
        name, size = _ATTRIBUTE.unpack_from(rest)
        value = rest[_ATTRIBUTE.size : _ATTRIBUTE.size + size]
        if name == _XOR_MAPPED_ADDRESS and len(value) == size:
            return _address(value, transaction)
        rest = rest[_ATTRIBUTE.size + size + -size % 4 :]
    return None


def _address(value: bytes, transaction: bytes) -> Address | None:
    size = _SIZES.get(value[1]) if len(value) > 1 else None
    if size is None or len(value) != 4 + size:
        return None
    key = struct.pack("!I", _COOKIE) + transaction
    return ipaddress.ip_address(bytes(a ^ b for a, b in zip(value[4:], key, strict=False)))
