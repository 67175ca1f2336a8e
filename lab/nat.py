"""Routers with the kinds of NAT that homes have, made with nftables; and what theory says of each pair of kinds.

The words are those of RFC 4787. Mapping: does one socket keep its outside port whoever it talks to
(endpoint-independent), or does it get a new one for each destination (address and port-dependent)? Filtering: who may
send to that outside port?

What nftables and conntrack cannot do, so that nobody believes it was tested: a mapping that depends on the address but
not on the port; an endpoint-independent mapping to a port other than the inside one (the port is preserved, as many
home routers do; when two hosts behind one router use the same port, the second one's mapping is per destination);
hairpinning. Everything here holds for UDP; TCP is plain masquerading in every kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.net import Node
from lab.wan import Hop

Mapping = Literal["none", "endpoint-independent", "address-and-port-dependent"]
Filtering = Literal["endpoint-independent", "address-dependent", "address-and-port-dependent"]

MAPPING_SECONDS = 120
"""How long an unused mapping lives (RFC 4787, REQ-5: at least two minutes)."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a home is connected."""

    name: str
    mapping: Mapping
    filtering: Filtering
    about: str
    layers: int = 1
    """NATs in a row."""
    udp: bool = True
    ip: frozenset[int] = frozenset({4})
    """The IP versions that its hosts have."""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "open",
            "none",
            "endpoint-independent",
            "a public address and no filter, as a server or a few offices have",
            layers=0,
            ip=frozenset({4, 6}),
        ),
        Kind("full-cone", "endpoint-independent", "endpoint-independent", "everybody may answer on an open port"),
        Kind("restricted", "endpoint-independent", "address-dependent", "addresses that were written to may answer"),
        Kind(
            "port-restricted",
            "endpoint-independent",
            "address-and-port-dependent",
            "only the very ports that were written to may answer: most homes",
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
            "every UDP packet is dropped but those to port 53",
            udp=False,
        ),
    )
}


def connects(one: Kind, other: Kind) -> bool:
    """Whether ICE (RFC 8445) can connect hosts of two kinds by STUN, without a relay."""
    if not (one.udp and other.udp and one.ip & other.ip):
        return False
    return _reaches(one, other) or _reaches(other, one)


def _reaches(sender: Kind, receiver: Kind) -> bool:
    """Whether the sender's checks arrive; answers then find their way back, whatever the sender's kind."""
    if receiver.mapping == "address-and-port-dependent":
        return False  # the port that it told is open to the STUN server alone
    if receiver.filtering in ("endpoint-independent", "address-dependent"):
        return True
    return sender.mapping != "address-and-port-dependent"  # else it comes from a port that was not let in


def home(kind: Kind, name: str, number: int, under: str, hop: Hop | None = None) -> list[Node]:
    """Return the router (or routers) of a home, and `name`, the host in it.

    Args:
        number: from 1 to 250, another one for each home; its addresses are made of it.
        under: the router that the home hangs on, which needs gateways of the home's IP versions.
        hop: the wide area between the two.
    """
    outside, outside6 = f"11.20.{number}.1", f"2d00:20:{number}::1"
    inside = f"192.168.{number}"
    router = f"{name[:9]}-r"
    if not kind.layers:
        address, address6 = f"11.20.{number}.2", f"2d00:20:{number}::2"
        here = [each for version, each in ((4, address), (6, address6)) if version in kind.ip]
        there = [each for version, each in ((4, outside), (6, outside6)) if version in kind.ip]
        gateways = tuple(each for version, each in ((4, f"{inside}.1"), (6, "fd00::1")) if version in kind.ip)
        rules = "" if kind.filtering == "endpoint-independent" else _FIREWALL
        return [
            Node(router, under, tuple(there), gateways, rules, hop=hop),
            Node(name, router, tuple(here)),
        ]
    nodes = []
    if kind.layers == 2:
        carrier = f"{name[:9]}-c"
        nodes.append(Node(carrier, under, (outside,), ("100.64.0.1",), _rules(kind), translates=True, hop=hop))
        under, outside, hop = carrier, "100.64.0.2", None
    nodes.append(Node(router, under, (outside,), (f"{inside}.1",), _rules(kind), translates=True, hop=hop))
    nodes.append(Node(name, router, (f"{inside}.2",)))
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
  set written_to { type ipv4_addr . inet_service; flags dynamic,timeout; timeout %(seconds)ds; }
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
    # behind the translation: the port is the outside one, the original is what the host sent
    type filter hook postrouting priority 300
    oifname "uplink" meta l4proto udp update @mapped { udp sport : ct original ip saddr . ct original proto-src }
    oifname "uplink" meta l4proto udp update @written_to { ip daddr . udp sport }
  }
  chain to_router {
    # dropped before conntrack keeps it: a packet that comes too early must not take the port of the answer
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
        'iifname "uplink" meta l4proto udp ip saddr . udp dport @written_to dnat ip to udp dport map @mapped'
    ),
    "address-and-port-dependent": "",  # conntrack's own way: answers, and nothing else
}


def _rules(kind: Kind) -> str:
    return _NAT % {
        "seconds": MAPPING_SECONDS,
        "incoming": _INCOMING[kind.filtering],
        "ports": "random,fully-random" if kind.mapping == "address-and-port-dependent" else "",
        "forward": "" if kind.udp else 'oifname "uplink" udp dport != 53 drop',
    }
