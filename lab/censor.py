"""Censors on a border router: what they forbid, one at a time or stacked.

Two means, as in the world. Rules of nftables look at addresses, ports, rates and single packets. An inspector
(`inspector.py`) sits in the path and reads names: it forges DNS answers, and cuts connections by SNI and Host.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Orders:
    """What the inspector looks for. A name stands for all names under it too."""

    forge: dict[str, str] = field(default_factory=dict)
    """Name to the address that the forged DNS answer gives."""
    cut_sni: tuple[str, ...] = ()
    cut_host: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.forge or self.cut_sni or self.cut_host)

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Censor:
    """What one censor does; `stacked` puts several together."""

    about: str = ""
    rules: tuple[str, ...] = ()
    """nftables statements for what the border forwards, either way."""
    orders: Orders = Orders()


def drops_address(*addresses: str) -> Censor:
    """Every packet to or from an address disappears."""
    rules = tuple(f"{_ip(a)} {end} {a} drop" for a in addresses for end in ("saddr", "daddr"))
    return Censor("addresses dropped", rules)


def throttles(address: str, kbytes_s: int) -> Censor:
    """What comes from an address is policed to a rate: what is over it is dropped (as in Russia since 2021)."""
    limit = f"limit rate over {kbytes_s} kbytes/second burst 32 kbytes drop"
    return Censor("an address throttled", (f"{_ip(address)} saddr {address} {limit}",))


def blocks_udp(*addresses: str) -> Censor:
    """No UDP crosses the border but DNS; or none to and from some addresses, where these are named."""
    if not addresses:
        return Censor("UDP blocked", ("meta l4proto udp ct original proto-dst != 53 drop",))
    rules = tuple(f"{_ip(a)} {end} {a} meta l4proto udp drop" for a in addresses for end in ("saddr", "daddr"))
    return Censor("UDP of some addresses blocked", rules)


def blocks_dtls() -> Censor:
    """Drops DTLS ClientHellos by a simple match: a handshake record (22), version 254.x, the message ClientHello (1).

    A record of DTLS begins with type (1 byte), version (2), epoch and number (8), length (2); then comes the handshake
    message, whose first byte is its type (RFC 6347 section 4.1). The UDP header before it has 8 bytes.
    """
    return Censor("DTLS blocked", ("udp length > 33 @th,64,8 22 @th,72,8 254 @th,168,8 1 drop",))


def forges_dns(name: str, address: str) -> Censor:
    """Answers questions for a name with another address, before the real server can."""
    return Censor("DNS forged", orders=Orders(forge={name: address}))


def cuts_sni(*names: str) -> Censor:
    """Ends TLS connections that ask for a name, with a RST to both ends."""
    return Censor("RST on SNI", orders=Orders(cut_sni=names))


def cuts_host(*names: str) -> Censor:
    """Ends HTTP connections that ask for a name, with a RST to both ends."""
    return Censor("RST on Host", orders=Orders(cut_host=names))


def stacked(*censors: Censor) -> Censor:
    """All of them at once."""
    forge: dict[str, str] = {}
    for censor in censors:
        forge |= censor.orders.forge
    return Censor(
        " + ".join(censor.about for censor in censors if censor.about),
        tuple(rule for censor in censors for rule in censor.rules),
        Orders(
            forge,
            tuple(name for censor in censors for name in censor.orders.cut_sni),
            tuple(name for censor in censors for name in censor.orders.cut_host),
        ),
    )


def ruleset(censor: Censor) -> str:
    """The nftables ruleset of the border; empty when there is nothing to do."""
    tables = []
    if censor.rules:
        tables.append(_FORBID % "\n    ".join(censor.rules))
    if censor.orders:
        tables.append(_WATCH % {"interface": WATCH, "mark": WATCH_MARK, "packets": WATCH_PACKETS})
    return "\n".join(tables)


def routes() -> tuple[str, ...]:
    """Lines for `ip -batch`, for each IP version, that lead what shall be watched to the inspector."""
    return f"rule add fwmark {WATCH_MARK} lookup {WATCH_MARK}", f"route add default dev {WATCH} table {WATCH_MARK}"


WATCH = "watch"
"""The inspector's TUN interface on the border."""
WATCH_MARK = 7
WATCH_PACKETS = 24
"""So many packets of each connection are looked at; names come early, and looking costs."""

_FORBID = """
table inet censor {
  chain forward {
    type filter hook forward priority 0
    %s
  }
}
"""

# From inside to outside alone: nothing is read in answers. What the inspector lets go comes back by its interface.
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
