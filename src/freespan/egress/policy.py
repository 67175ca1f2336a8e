"""Where the egress may lead. Pure: names and addresses in, verdicts out.

Two checks, because a name says nothing about its address: `check_target` before resolving, `may_dial` on each address that
would really be dialled.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Mail relays: open egresses are abused for spam within hours.
_FORBIDDEN_PORTS = frozenset({25})
# Cloud metadata services live at link-local or private addresses, but for this one (Azure's).
_FORBIDDEN_ADDRESSES = frozenset({ipaddress.ip_address("168.63.129.16")})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True)
class Policy:
    """What a host allows.

    Attributes:
        hosts: if not empty, the only sites that may be reached: names (with their subdomains) and addresses.
        allow_private: let loopback, private and link-local addresses through; for tests and demos.
    """

    hosts: frozenset[str] = frozenset()
    allow_private: bool = False

    @classmethod
    def of(cls, hosts: Iterable[str], *, allow_private: bool = False) -> Policy:
        """Build from what a person wrote. Raises `InputError` for what is neither name nor address."""
        return cls(frozenset(parse_host(host.strip("[]")) for host in hosts), allow_private)

    def check_target(self, target: Target) -> ProxyStatus | None:
        """The refusal of a destination by its name or port; None when it may be resolved."""
        if target.port in _FORBIDDEN_PORTS:
            return ProxyStatus("http_request_denied")
        if self.hosts and not self._is_listed(target.host):
            return ProxyStatus("http_request_denied")
        return None

    def may_dial(self, address: Address) -> bool:
        """Whether a connection to this very address may be opened."""
        if self.allow_private or str(address) in self.hosts:
            return True
        return all(_is_public(each) for each in _with_embedded(address))

    def _is_listed(self, host: str) -> bool:
        labels = host.split(".")
        return host in self.hosts or any(".".join(labels[i:]) in self.hosts for i in range(1, len(labels)))


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and address not in _FORBIDDEN_ADDRESSES
    )


def _with_embedded(address: Address) -> list[Address]:
    """The address, and the IPv4 address that a transition mechanism would take out of it."""
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
