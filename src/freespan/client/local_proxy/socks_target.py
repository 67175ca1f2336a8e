"""What a SOCKS request names as its target, in the forms in which programs write it. Pure."""

from __future__ import annotations

import ipaddress

from freespan.wire.errors import InputError
from freespan.wire.target import Target, parse_host


class TargetError(Exception):
    """It is no target; `socks_reply` is the nearest code of SOCKS5 (RFC 1928 section 6)."""

    def __init__(self, reason: str, socks_reply: int) -> None:
        super().__init__(reason)
        self.socks_reply = socks_reply


_HOST_UNREACHABLE, _REFUSED, _ADDRESS_NOT_SUPPORTED = 4, 5, 8


def target_by_address(address: bytes, port: int) -> Target:
    """The target with an address of 4 or 16 bytes. Raises `TargetError`."""
    return _target(str(ipaddress.ip_address(address)), port)


def target_by_name(name: bytes, port: int) -> Target:
    """The target with a name, or with an address that is written as one. Raises `TargetError`.

    Some programs count the NUL at the end of their string, and some write brackets as in a URL.
    """
    try:
        text = name.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        raise TargetError("the name in the SOCKS request is not UTF-8", _HOST_UNREACHABLE) from None
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if ":" in text and "%" in text:
        raise TargetError(
            "the address in the SOCKS request has a zone, which no other machine has", _ADDRESS_NOT_SUPPORTED
        )
    return _target(text, port)


def _target(host: str, port: int) -> Target:
    try:
        checked = parse_host(host)
    except InputError:
        raise TargetError("the name in the SOCKS request cannot be a name", _HOST_UNREACHABLE) from None
    if port == 0:
        raise TargetError("nobody listens at port 0", _REFUSED)
    return Target(checked, port)
