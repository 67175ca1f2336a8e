"""`host:port`, the target of a stream: parsed and checked, never resolved."""

from __future__ import annotations

import functools
import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from freespan.wire.addresses import Address, address_text, parse_address
from freespan.wire.errors import InputError
from freespan.wire.limits import TARGET_MAX
from freespan.wire.names import NAME_MAX, name_in_dns

# Some resolvers take "127.1" and "0x7f000001" for addresses. A name never ends in a number (WHATWG URL).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_REMEMBERED = 256
"""A page names the same few targets over and over."""
_HOST_IN_URL = re.compile(
    r"(?P<scheme>(?:\A|(?<=,))(?:[a-z]+://|stuns?:|turns?:))(?P<host>[^/\\?#@:,\[\]]+)(?=[/?#:,]|\Z)", re.ASCII | re.I
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a stream leads: `host` is a lower-case ASCII name or an IP address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@functools.lru_cache(maxsize=_REMEMBERED)
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
    """Return the canonical form of a host, or raise `InputError`.

    Every form of an address has one: an IPv4 address is not written as an IPv6 one (RFC 4291 section 2.5.5.2), nor in
    the digits of another script.
    """
    host = _percent_decoded(host)
    if any(character <= " " or character == "\x7f" for character in host):
        raise InputError("target", "has white space or control characters in its host")
    if (address := _address(host)) is not None:
        return address_text(address)
    name = name_in_dns(host)
    if name is None:
        is_too_long = host.isascii() and len(host) > NAME_MAX
        raise InputError("target", "is too long" if is_too_long else "has a host that is not a valid name")
    if not _NUMBER.fullmatch(name, name.rfind(".") + 1):
        return name
    if (address := _address(name)) is not None:
        return address_text(address)
    raise InputError("target", "has a host that is not a valid name")


def _percent_decoded(host: str) -> str:
    """The host of a URL without percent-encoding (RFC 3986 section 3.2.2), which stands for UTF-8."""
    if "%" not in host:
        return host
    if ":" in host:
        raise InputError("target", "has an address with a zone, which is meaningless on another machine")
    try:
        decoded = unquote_to_bytes(host).decode("utf-8")
    except UnicodeError:
        decoded = ""
    if "%" in decoded or ":" in decoded:
        raise InputError("target", "has a host that is not a valid name")
    return decoded


def _address(host: str) -> Address | None:
    address = parse_address(host)
    return getattr(address, "ipv4_mapped", None) or address


def url_with_host_in_dns(url: str) -> str:
    """A URL (or several, separated by commas) whose host is in the form of DNS; as it is where there is none.

    A host in ASCII stays as it is written.
    """

    def converted(found: re.Match[str]) -> str:
        if found["host"].isascii():
            return found[0]
        try:
            return found["scheme"] + parse_host(found["host"])
        except InputError:
            return found[0]

    return _HOST_IN_URL.sub(converted, url)


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
