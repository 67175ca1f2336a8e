"""Which addresses are on the open internet. Nothing is resolved or connected to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud metadata services have link-local or private addresses, with the exception of Azure's.
_FORBIDDEN_ADDRESSES = frozenset({ipaddress.ip_address("168.63.129.16")})
# Networks that are not for the open internet, and that not every version of the standard library knows as such.
_FORBIDDEN_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.88.99.0/24",  # 6to4 relay routers (RFC 7526)
        "2002::/16",  # 6to4 itself, which can embed any IPv4 address
        "64:ff9b:1::/48",  # NAT64 of a local network (RFC 8215)
        "2001:db8::/32",  # documentation (RFC 3849)
        "3fff::/20",  # documentation (RFC 9637)
        "5f00::/16",  # segment identifiers (RFC 9602)
        "fec0::/10",  # site-local (RFC 3879)
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_private_url(url: str) -> bool:
    """Whether the host of a URL is private."""
    return is_private_host(urlsplit(url).hostname or "")


def is_private_host(host: str) -> bool:
    """Whether a host is `localhost`, a name of the local link (RFC 6762), or an address that is not public.

    Any other name counts as public. `host` has no brackets.
    """
    try:
        return not is_public(ipaddress.ip_address(host))
    except ValueError:
        name = host.lower().removesuffix(".")
        return name == "localhost" or name.endswith((".localhost", ".local"))


def is_public(address: Address) -> bool:
    """Whether an address, and every address that a transition mechanism embeds in it, is on the open internet."""
    return all(_is_plainly_public(each) for each in _with_embedded(address))


def _is_plainly_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and address not in _FORBIDDEN_ADDRESSES
        and not any(address in network for network in _FORBIDDEN_NETWORKS)
    )


def _with_embedded(address: Address) -> list[Address]:
    """The address, and the IPv4 addresses that a transition mechanism embeds in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    embedded: list[Address] = []
    if address.sixtofour is not None:
        embedded.append(address.sixtofour)
    if address.teredo is not None:
        embedded.extend(address.teredo)
    if address in _NAT64 or address in _COMPATIBLE:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *embedded]
