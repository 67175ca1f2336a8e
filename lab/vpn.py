"""What leaves a reader's machine by which interface, and what a volunteer sees, when the reader is behind a VPN.

    internet ─┬─ vpn ·················· tun0 ─┐
              │                               ├─ reader
              └─ border ── reader-r ── uplink ┘

The reader has a public address at `uplink`, which the VPN is to hide. The default route is the VPN's. As on machines
with several connections, the system routes by source address: what a program sends from the address of `uplink` leaves
by `uplink`.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

from lab import machine, measure, wan_process
from lab.capture import capturing
from lab.dissect.stun import read_stun
from lab.dissect.transport import datagrams
from lab.errors import LabError
from lab.namespaces import Network
from lab.nat import KINDS, home
from lab.packets import TCP, CapturedPacket, Packet
from lab.wan import Conditions, Hop
from lab.world import Services, World, running_volunteer, running_world

_INSIDE, _GATEWAY = "10.9.0.2", "10.9.0.1"
_TABLE = "100"
_KINDS = {0x001: "request", 0x003: "allocation", 0x101: "answer"}


@dataclass(slots=True)
class Seen:
    """What was captured. A packet is what it is and its source; those of the volunteer are addresses."""

    by_uplink: set[tuple[str, str]] = field(default_factory=set)
    by_tunnel: set[tuple[str, str]] = field(default_factory=set)
    volunteer_heard: set[str] = field(default_factory=set)
    """The addresses from which STUN reached the volunteer."""
    volunteer_asked: set[str] = field(default_factory=set)
    """The addresses to which the volunteer sent STUN: those in the offer among them."""


@contextlib.asynccontextmanager
async def running_vpn(*, has_ipv6: bool = False, services: Services | None = None) -> AsyncIterator[tuple[World, str]]:
    """Run a world with such a reader for the length of the block; yields it with the reader's own IPv4 address.

    With `has_ipv6`, the reader has IPv6 as well, beside the VPN.
    """
    kind = KINDS["open"] if has_ipv6 else replace(KINDS["open"], ip=frozenset({4}))
    reader = home(kind, "reader", 1, "border")
    server = replace(home(KINDS["port-restricted"], "vpn", 3, "internet")[0], name="vpn")
    nodes = [server, *reader, *home(KINDS["port-restricted"], "volunteer", 2, "internet")]
    async with running_world(nodes, services=services) as here:
        own, gateway = reader[1].addresses[0], reader[0].gateways[0]
        with _tunnel(here.network, own, gateway):
            yield here, own


async def watch(here: World, *options: str) -> Seen:
    """Let the reader fetch a page with these options of `freespan connect`; return what was seen meanwhile."""
    reader, volunteer = (here.network.nodes[name].namespace for name in ("reader", "volunteer"))
    with (
        capturing(reader, "uplink") as uplink,
        capturing(reader, "tun0") as tunnel,
        capturing(volunteer, "uplink") as theirs,
    ):
        async with (
            measure.running_downloader(here) as downloader,
            measure.running_client(here, "reader", *options) as (client, proxy),
        ):
            _, why = await measure.first_page(client, downloader, proxy)
    if why != "ok":
        raise LabError(f"the page did not come: {why}")
    seen = Seen(_leaving(uplink.packets), _leaving(tunnel.packets))
    for datagram in datagrams(theirs.packets):
        if read_stun(datagram.payload) is not None:
            (seen.volunteer_asked if datagram.leaves else seen.volunteer_heard).add(
                (datagram.target if datagram.leaves else datagram.source)[0]
            )
    return seen


@contextlib.asynccontextmanager
async def running_bridge(here: World) -> AsyncIterator[None]:
    """Run the volunteer for the length of the block."""
    async with running_volunteer(here, "volunteer", "headless"):
        yield


@contextlib.contextmanager
def _tunnel(network: Network, own: str, gateway: str) -> Iterator[None]:
    """Connect the reader to the VPN for the length of the block."""
    reader, server = network.nodes["reader"].namespace, network.nodes["vpn"].namespace
    process = wan_process.start(Hop.both(Conditions()), (reader, "tun0"), (server, "to-reader"))
    try:
        _configure(
            reader,
            "link set dev tun0 up",
            f"address add {_INSIDE} dev tun0",
            "route replace default dev tun0",
            f"route add default via {gateway} dev uplink table {_TABLE}",
            f"rule add from {own} lookup {_TABLE}",
        )
        _configure(
            server,
            "link set dev to-reader up",
            f"address add {_GATEWAY} dev to-reader",
            f"route add {_INSIDE} dev to-reader",
        )
        yield
    finally:
        wan_process.stop(process)


def _configure(namespace: str, *lines: str) -> None:
    machine.run("ip", "-n", namespace, "-batch", "-", text="\n".join(lines) + "\n")


def _leaving(packets: list[CapturedPacket]) -> set[tuple[str, str]]:
    """What leaves, and from which address."""
    found = {
        (_name(datagram.payload, datagram.target[1]), datagram.source[0])
        for datagram in datagrams(packets)
        if datagram.leaves
    }
    for captured in packets:
        packet = Packet.parse(captured.raw)
        if captured.leaves and packet is not None and packet.protocol == TCP:
            found.add(("TCP", _text(packet.source)))
    return found


def _name(payload: bytes, port: int) -> str:
    stun = read_stun(payload)
    if stun is None:
        return "DNS" if port == 53 else "DTLS"
    return f"{'check' if stun.user else 'STUN'} {_KINDS.get(stun.kind, 'other')}"


def _text(address: bytes) -> str:
    return str(ipaddress.ip_address(address))
