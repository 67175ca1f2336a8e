"""Decides which targets an egress may connect to. Pure.

There are two checks, because a name says nothing about its addresses: `check_target` before the name is resolved, and
`may_dial` on each address that would be dialed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from freespan.wire.addresses import Address, is_public
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_host

# SMTP between mail servers: open proxies are abused for spam within hours.
_FORBIDDEN_PORTS = frozenset({25})


@dataclass(frozen=True)
class Policy:
    """What a host allows.

    Attributes:
        hosts: if not empty, the only targets that may be reached: names (with their subdomains) and addresses.
        allow_private: allow loopback, private and link-local addresses; for tests and demos.
    """

    hosts: frozenset[str] = frozenset()
    allow_private: bool = False

    @classmethod
    def of(cls, hosts: Iterable[str], *, allow_private: bool = False) -> Policy:
        """A policy from what a person wrote. Raises `InputError` for what is neither a name nor an address."""
        return cls(frozenset(parse_host(host.strip("[]")) for host in hosts), allow_private)

    def check_target(self, target: Target) -> ProxyStatus | None:
        """The refusal of a target by its name or port; None if the name may be resolved."""
        if target.port in _FORBIDDEN_PORTS:
            return ProxyStatus("http_request_denied")
        if self.hosts and not self._is_listed(target.host):
            return ProxyStatus("http_request_denied")
        return None

    def may_dial(self, address: Address) -> bool:
        """Whether a connection to this address may be opened."""
        return self.is_trusted(address) or is_public(address)

    def is_trusted(self, address: Address) -> bool:
        """Whether the host has allowed this address expressly, so that it may even be a private one."""
        return self.allow_private or str(address) in self.hosts

    def _is_listed(self, host: str) -> bool:
        labels = host.split(".")
        return host in self.hosts or any(".".join(labels[i:]) in self.hosts for i in range(1, len(labels)))
