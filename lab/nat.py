"""The kinds of NAT that homes have, made with nftables, and which pairs of them can connect in theory.

The terms are those of RFC 4787. Mapping: does a socket keep its external port for all destinations
(endpoint-independent), or get another one for each (address and port-dependent)? Filtering: who may send to that
external port?

nftables and conntrack cannot do the following, so it is not tested: a mapping that depends on the address but not on
the port; an endpoint-independent mapping to another port than the internal one (the port is preserved, as in many home
routers; when two hosts behind one router use the same port, the mapping of the second one is per destination);
hairpinning. All this is about UDP; TCP is plain masquerading in every kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.namespaces import Node
from lab.wan import Hop

Mapping = Literal["none", "endpoint-independent", "address-and-port-dependent"]
Filtering = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]

MAPPING_SECONDS = 120
"""How long an unused mapping lasts (RFC 4787, REQ-5: at least two minutes)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connection that a home can have."""

    name: str
    mapping: Mapping
    filtering: Filtering
    about: str
    layers: int = 1
    """How many NATs are in a row."""
    udp: bool = True
    """Whether UDP passes."""
    ip: frozenset[int] = frozenset({4})
    """The IP versions that its hosts have."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "open",
            "none",
            "endpoint-independent",
            "a public address and no filter: servers, a few offices",
            layers=0,
            ip=frozenset({4, 6}),
        ),
        Kind("full-cone", "endpoint-independent", "endpoint-independent", "everybody may send to an open port"),
        Kind("restricted", "endpoint-independent", "address-dependent", "only addresses that were sent to may answer"),
        Kind(
            "port-restricted",
            "endpoint-independent",
            "address-and-port-dependent",
            "only ports that were sent to may answer: most homes",
        ),
        Kind(
            "symmetric",
            "address-and-port-dependent",
            "address-and-port-dependent",
            "a new random port for each destination: companies, many mobile networks",
        ),
        Kind(
            "carrier",
            "endpoint-independent",
            "address-and-port-dependent",
            "a home's NAT behind its provider's (RFC 6888): many mobile and newer home networks",
            layers=2,
        ),
        Kind(
            "ipv6",
            "none",
            "address-and-port-dependent",
            "IPv6 alone, no NAT, the usual filter of a home router (RFC 6092)",
            layers=0,
            ip=frozenset({6}),
        ),
        Kind(
            "no-udp",
            "endpoint-independent",
            "address-and-port-dependent",
            "all UDP is dropped but that to port 53",
            udp=False,
        ),
    )
}


def connects(one: Kind, other: Kind) -> bool:
    """Return whether ICE (RFC 8445) can connect hosts of two kinds by STUN, without TURN."""
    if not (one.udp and other.udp and one.ip & other.ip):
        return False
    return _reaches(one, other) or _reaches(other, one)


def _reaches(sender: Kind, receiver: Kind) -> bool:
    """Return whether the sender's checks arrive; the responses then arrive for every kind of sender."""
    if receiver.mapping == "address-and-port-dependent":
        return False  # its reflexive port is open to the STUN server alone
    if receiver.filtering in ("endpoint-independent", "address-dependent"):
        return True
    return (
        sender.mapping != "address-and-port-dependent"
    )  # otherwise its checks come from a port that the filter does not know


def home(kind: Kind, name: str, number: int, upstream: str, hop: Hop | None = None) -> list[Node]:
    """Return the router or routers of a home, and the host in it.

    Args:
        kind: of its connection.
        name: of the host.
        number: from 1 to 250, different for each home; its addresses are derived from it. From 257 to 506, the home is
            in another IPv4 /16 and IPv6 /32.
        upstream: the router that the home is connected to, which needs gateways of the home's IP versions.
        hop: the wide area link between the two.
    """
    region, number = 20 + number // 256, number % 256
    external, external6 = f"11.{region}.{number}.1", f"2d00:{region}:{number}::1"
    internal = f"192.168.{number}"
    router = f"{name[:9]}-r"
    if not kind.layers:
        address, address6 = f"11.{region}.{number}.2", f"2d00:{region}:{number}::2"
        here = [each for version, each in ((4, address), (6, address6)) if version in kind.ip]
        there = [each for version, each in ((4, external), (6, external6)) if version in kind.ip]
        gateways = tuple(each for version, each in ((4, f"{internal}.1"), (6, "fd00::1")) if version in kind.ip)
        rules = "" if kind.filtering == "endpoint-independent" else _FIREWALL
        return [
            Node(router, upstream, tuple(there), gateways, rules, hop=hop),
            Node(name, router, tuple(here)),
        ]
    nodes = []
    if kind.layers == 2:
        carrier = f"{name[:9]}-c"
        nodes.append(Node(carrier, upstream, (external,), ("100.64.0.1",), _rules(kind), has_nat=True, hop=hop))
        upstream, external, hop = carrier, "100.64.0.2", None
    nodes.append(Node(router, upstream, (external,), (f"{internal}.1",), _rules(kind), has_nat=True, hop=hop))
    nodes.append(Node(name, router, (f"{internal}.2",)))
    return nodes


# --- rules ---------------------------------------------------------------------------------------

_FIREWALL = """
table inet firewall {
  chain forward {
    type filter hook forward priority 0
    iifname "uplink" ct state new,invalid drop
  }
}
"""

_NAT = """
table ip nat {
  map mapped { type inet_service : ipv4_addr . inet_service; flags dynamic,timeout; timeout %(seconds)ds; }
  set sent_to { type ipv4_addr . inet_service; flags dynamic,timeout; timeout %(seconds)ds; }
  chain incoming {
    type nat hook prerouting priority -100
    %(incoming)s
  }
  chain outgoing {
    type nat hook postrouting priority 100
    oifname "uplink" meta l4proto udp masquerade %(ports)s
    oifname "uplink" masquerade
  }
  chain note {
    # after the translation: the port is the external one, the original is what the host sent
    type filter hook postrouting priority 300
    oifname "uplink" meta l4proto udp update @mapped { udp sport : ct original ip saddr . ct original proto-src }
    oifname "uplink" meta l4proto udp update @sent_to { ip daddr . udp sport }
  }
  chain to_router {
    # dropped before conntrack sees it: a packet that comes too early must not take the port of the answer
    type filter hook input priority 0
    iifname "uplink" ct state new drop
  }
  chain forward {
    type filter hook forward priority 0
    iifname "uplink" ct state new ct status & dnat == 0 drop
    %(forward)s
  }
}
"""

_INCOMING = {
    "endpoint-independent": 'iifname "uplink" meta l4proto udp dnat ip to udp dport map @mapped',
    "address-dependent": (
        'iifname "uplink" meta l4proto udp ip saddr . udp dport @sent_to dnat ip to udp dport map @mapped'
    ),
    "address-and-port-dependent": "",  # conntrack lets answers in, and nothing else
}


def _rules(kind: Kind) -> str:
    return _NAT % {
        "seconds": MAPPING_SECONDS,
        "incoming": _INCOMING[kind.filtering],
        "ports": "random,fully-random" if kind.mapping == "address-and-port-dependent" else "",
        "forward": "" if kind.udp else 'oifname "uplink" udp dport != 53 drop',
    }
