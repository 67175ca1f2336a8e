"""Tells which addresses belong to this machine. The system is asked each time, since addresses come and go."""

from __future__ import annotations

import ipaddress
import socket

from freespan.wire.addresses import Address

# Addresses for documentation (RFC 5737, RFC 3849), which no machine has.
_UNASSIGNED: dict[int, Address] = {4: ipaddress.ip_address("192.0.2.1"), 6: ipaddress.ip_address("2001:db8::1")}


def is_own(address: Address) -> bool:
    """Whether a connection to `address` would stay on this machine."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if not _can_bind(address):
        return False
    # some machines may bind any address (ip_nonlocal_bind); there the route decides
    return not _can_bind(_UNASSIGNED[address.version]) or _is_its_own_source(address)


def _can_bind(address: Address) -> bool:
    with _udp(address) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _is_its_own_source(address: Address) -> bool:
    """Whether packets to `address` would come from it; none is sent."""
    with _udp(address) as probe:
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False
        return ipaddress.ip_address(probe.getsockname()[0].partition("%")[0]) == address


def _udp(address: Address) -> socket.socket:
    return socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
