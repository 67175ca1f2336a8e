"""`host:port`, the target of a stream: parsed and checked, never resolved."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from freespan.wire.errors import InputError
from freespan.wire.limits import TARGET_MAX

# A label as the resolver takes it: at most 63 letters, digits, hyphens and underscores (which occur in practice).
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a stream leads: `host` is a lower-case ASCII name or an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_target(text: str, *, default_port: int | None = None) -> Target:
    """Parse `name:port`, `1.2.3.4:port` or `[::1]:port` (RFC 9110 section 7.2).

    Raises:
        InputError: field `target`; the text is too long, or host or port are missing or malformed.
    """
    if len(text) > TARGET_MAX:
        raise InputError("target", "is too long")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise InputError("target", "has an unclosed bracket")
        if ":" not in host:
            raise InputError("target", "has brackets around something that is not an IPv6 address")
        port_text = rest[1:]
    else:
        host, _, port_text = text.partition(":")
    return Target(parse_host(host), _parse_port(port_text, default_port))


def parse_host(host: str) -> str:
    """Return the canonical form of a host, or raise `InputError`."""
    if any(character <= " " or character == "\x7f" for character in host):
        raise InputError("target", "has white space or control characters in its host")
    if "%" in host:
        raise InputError("target", "has an address with a zone, which is meaningless on another machine")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        name = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        raise InputError("target", "has a host that is not a valid name") from None
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputError("target", "has a host that is not a valid name")
    # Some resolvers take "127.1" and "0x7f000001" for addresses. A name never ends in a number (WHATWG URL).
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        raise InputError("target", "has a host that is not a valid name")
    return name


def is_loopback(host: str) -> bool:
    """Whether the host of a `Target` is whichever machine asks for it.

    That is a name of RFC 6761 section 6.3, or an address of 127.0.0.0/8 or ::1, also inside an IPv6 address. So are
    0.0.0.0/8 and ::, which systems take for the same.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return int(address) <= 1
        address = address.ipv4_mapped
    return int(address) >> 24 in (0, 127)


def _parse_port(text: str, default: int | None) -> int:
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise InputError("target", "needs a port from 1 to 65535")
    return int(text)
