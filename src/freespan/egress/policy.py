"""Decides which targets an egress may connect to. Pure.

There are two checks, because a name says nothing about its addresses: `check_target` before the name is resolved, and
`check_address` on each address that would be dialed. A refusal names the rule, so that readers know what to do.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from freespan.egress.block_list import NOTHING, BlockList
from freespan.wire.addresses import Address, ipv4_inside, is_metadata, is_metadata_name, is_public
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_host

WEB_PORTS = frozenset({80, 443, 853, 993, 995, 5222, 5223, 5228, 8080, 8443})
"""The web, DNS over TLS, mail boxes, and the push services and messengers of phones."""
FORBIDDEN_PORTS = frozenset({25})
"""SMTP between mail servers: open proxies are abused for spam within hours."""


@dataclass(frozen=True)
class Policy:
    """What a host allows.

    Attributes:
        hosts: if not empty, the only targets that may be reached: names (with their subdomains) and addresses.
        allow_private: allow loopback, private and link-local addresses; for tests and demos.
        ports: the only ports that may be reached; None for all but the forbidden ones.
        blocked: what may not be reached, whatever else is allowed.
        nat64: the networks of translators to IPv4 around this host. They only ever close something: whoever forges the
            answer that names them opens nothing.
    """

    hosts: frozenset[str] = frozenset()
    allow_private: bool = False
    ports: frozenset[int] | None = None
    blocked: BlockList = NOTHING
    nat64: frozenset[ipaddress.IPv6Network] = frozenset()

    @classmethod
    def of(
        cls,
        hosts: Iterable[str],
        *,
        allow_private: bool = False,
        ports: Iterable[int] | None = None,
        blocked: BlockList = NOTHING,
    ) -> Policy:
        """A policy from what a person wrote. Raises `InputError` for what is neither a name nor an address."""
        return cls(
            frozenset(parse_host(host.strip("[]")) for host in hosts),
            allow_private,
            None if ports is None else frozenset(ports),
            blocked,
        )

    def check_target(self, target: Target) -> ProxyStatus | None:
        """The refusal of a target by its name or port; None if the name may be resolved."""
        if is_metadata_name(target.host):
            return _denied("metadata")
        if self.blocked.has_name(target.host):
            return _denied("blocked")
        if self.hosts and not self._is_listed(target.host):
            return _denied("site")
        if target.port in FORBIDDEN_PORTS or (self.ports is not None and target.port not in self.ports):
            return _denied("port")
        return None

    def check_address(self, address: Address) -> ProxyStatus | None:
        """The refusal of an address; None if a connection to it may be opened."""
        forms = self.forms_of(address)
        if any(map(is_metadata, forms)):
            return ProxyStatus("destination_ip_prohibited", "metadata")
        if any(map(self.blocked.has_address, forms)):
            return ProxyStatus("destination_ip_prohibited", "blocked")
        if self.is_trusted(address) or all(map(is_public, forms)):
            return None
        return ProxyStatus("destination_ip_prohibited", "private")

    def may_dial(self, address: Address) -> bool:
        """Whether a connection to this address may be opened."""
        return self.check_address(address) is None

    def is_trusted(self, address: Address) -> bool:
        """Whether the host has allowed this address expressly, so that it may even be a private one."""
        return self.allow_private or str(address) in self.hosts

    def forms_of(self, address: Address) -> list[Address]:
        """The address, and the IPv4 ones to which a tunnel or a translator may bring what is sent to it."""
        return [address, *ipv4_inside(address, self.nat64)]

    def _is_listed(self, host: str) -> bool:
        labels = host.split(".")
        return host in self.hosts or any(".".join(labels[i:]) in self.hosts for i in range(1, len(labels)))


def _denied(rule: str) -> ProxyStatus:
    return ProxyStatus("http_request_denied", rule)
