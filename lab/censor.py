"""Censors on a border router: what they block, one method at a time or several together. Pure.

They have two means, as real ones do. Rules of nftables match addresses, ports, rates and single packets. An inspector
(`inspector.py`) on the path reads names: it forges DNS answers and resets connections by SNI and Host.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class NameRules:
    """Which names the inspector acts on. A name includes all names under it."""

    forge: dict[str, str] = field(default_factory=dict)
    """For each name the address in the forged DNS answer."""
    cut_sni: tuple[str, ...] = ()
    """Names in TLS whose connections are reset."""
    cut_host: tuple[str, ...] = ()
    """Names in HTTP whose connections are reset."""

    def __bool__(self) -> bool:
        return bool(self.forge or self.cut_sni or self.cut_host)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Censor:
    """What one censor does; `stacked` combines several."""

    about: str = ""
    rules: tuple[str, ...] = ()
    """nftables statements for packets that the border forwards in either direction."""
    names: NameRules = NameRules()


def drops_address(*addresses: str) -> Censor:
    """Drop every packet to or from some addresses."""
    rules = tuple(f"{_ip(a)} {end} {a} drop" for a in addresses for end in ("saddr", "daddr"))
    return Censor("addresses dropped", rules)


def throttles(address: str, kbytes_s: int) -> Censor:
    """Drop what comes from an address at more than a rate (policing, as in Russia since 2021)."""
    limit = f"limit rate over {kbytes_s} kbytes/second burst 32 kbytes drop"
    return Censor("an address throttled", (f"{_ip(address)} saddr {address} {limit}",))


def blocks_udp(*addresses: str) -> Censor:
    """Drop UDP to and from some addresses; without addresses all UDP but DNS."""
    if not addresses:
        return Censor("UDP blocked", ("meta l4proto udp ct original proto-dst != 53 drop",))
    rules = tuple(f"{_ip(a)} {end} {a} meta l4proto udp drop" for a in addresses for end in ("saddr", "daddr"))
    return Censor("UDP of some addresses blocked", rules)


def blocks_dtls() -> Censor:
    """Drop DTLS ClientHellos by a simple match: a handshake record (22), version 254.x, the message ClientHello (1).

    A DTLS record begins with type (1 byte), version (2), epoch and sequence number (8), and length (2). The handshake
    message follows, whose first byte is its type (RFC 6347 section 4.1). The UDP header before it has 8 bytes.
    """
    return Censor("DTLS blocked", ("udp length > 33 @th,64,8 22 @th,72,8 254 @th,168,8 1 drop",))


def forges_dns(name: str, address: str) -> Censor:
    """Answer DNS queries for a name with another address, before the real server can."""
    return Censor("DNS forged", names=NameRules(forge={name: address}))


def cuts_sni(*names: str) -> Censor:
    """Reset TLS connections that ask for one of some names, at both ends."""
    return Censor("RST on SNI", names=NameRules(cut_sni=names))


def cuts_host(*names: str) -> Censor:
    """Reset HTTP connections that ask for one of some names, at both ends."""
    return Censor("RST on Host", names=NameRules(cut_host=names))


def stacked(*censors: Censor) -> Censor:
    """Return a censor that does what all of these do."""
    forge: dict[str, str] = {}
    for censor in censors:
        forge |= censor.names.forge
    return Censor(
        " + ".join(censor.about for censor in censors if censor.about),
        tuple(rule for censor in censors for rule in censor.rules),
        NameRules(
            forge,
            tuple(name for censor in censors for name in censor.names.cut_sni),
            tuple(name for censor in censors for name in censor.names.cut_host),
        ),
    )


def ruleset(censor: Censor) -> str:
    """Return the nftables ruleset of the border; empty where a censor needs none."""
    tables = []
    if censor.rules:
        tables.append(_BLOCK % "\n    ".join(censor.rules))
    if censor.names:
        tables.append(_WATCH % {"interface": WATCH, "mark": WATCH_MARK, "packets": WATCH_PACKETS})
    return "\n".join(tables)


def routes() -> tuple[str, ...]:
    """Return lines for `ip -batch`, for one IP version, that route marked packets to the inspector."""
    return f"rule add fwmark {WATCH_MARK} lookup {WATCH_MARK}", f"route add default dev {WATCH} table {WATCH_MARK}"


WATCH = "watch"
"""The inspector's TUN interface on the border."""
WATCH_MARK = 7
"""Mark of the packets that the inspector gets, and number of their routing table."""
WATCH_PACKETS = 24
"""How many packets of each connection the inspector gets; names come early, and inspecting is slow."""

_BLOCK = """
table inet censor {
  chain forward {
    type filter hook forward priority 0
    %s
  }
}
"""

# Only packets from the inside to the outside are inspected. What the inspector passes comes back from its interface.
_WATCH = """
table inet watch {
  chain prerouting {
    type filter hook prerouting priority mangle
    iifname != { "uplink", "%(interface)s" } udp dport 53 meta mark set %(mark)d
    iifname != { "uplink", "%(interface)s" } meta l4proto tcp ct original packets < %(packets)d meta mark set %(mark)d
  }
}
"""


def _ip(address: str) -> str:
    return "ip6" if ":" in address else "ip"
