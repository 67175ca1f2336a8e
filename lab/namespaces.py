"""Networks of Linux network namespaces, built from a description and removed again.

A network is a tree of nodes. Each node is connected to one router and reaches everything through it; a router knows
what is below it. A description therefore has names and addresses only, and every route follows from it. A connection
is a pair of virtual Ethernet interfaces, or a wide area link (`wan.Hop`) with delay, loss and a rate.

Inside a node the interface towards its router is called `uplink`, and those towards the nodes below it `to-NAME`.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab import machine, wan_process
from lab.errors import LabError
from lab.wan import Counts, Hop

PREFIX = "fsl-"
"""The names of all namespaces of the lab begin with this, and no others."""

_NAMESPACES = Path("/run/netns")
_SETTINGS = Path("/etc/netns")
"""`ip netns exec` mounts the files of a namespace's folder in here over those in /etc."""
_LOCK = Path("/run/freespan-lab.lock")
FOLDER = Path("/run/freespan-lab")
"""Where the programs of the running lab keep files."""
_NAME_MAX = 12  # an interface name has at most 15 characters, of which `to-` takes three
_KILL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Node:
    """One host or router."""

    name: str
    router: str = ""
    """The router that it is connected to; empty for the one root."""
    addresses: tuple[str, ...] = ()
    """Its own addresses, without a prefix length."""
    gateways: tuple[str, ...] = ()
    """A router's addresses towards the nodes below it: one for each IP version that these use."""
    rules: str = ""
    """An nftables ruleset."""
    has_nat: bool = False
    """Whether it is a NAT, so that what is below it has no route from above."""
    hop: Hop | None = None
    """The wide area link to its router; None stands for plain virtual Ethernet."""

    @property
    def namespace(self) -> str:
        return PREFIX + self.name


@dataclass(slots=True)
class Network:
    """A network that has been built."""

    nodes: Mapping[str, Node]
    folder: Path = FOLDER
    """For files of the programs in it; removed with the network."""
    hops: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """The processes of wide area links, by the name of the lower node."""
    hop_counts: dict[str, dict[str, Counts]] = field(default_factory=dict)
    """The counts of these, after the network has been removed."""

    def command(self, node: str, arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs `arguments` inside a node, and is killed when its parent ends."""
        namespace = self.nodes[node].namespace
        return ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", namespace, *arguments]

    def set_name_server(self, node: str, address: str) -> None:
        """Let programs that are started in a node from now on use the DNS server at `address`."""
        folder = _SETTINGS / self.nodes[node].namespace
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:2 attempts:2\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


@contextlib.contextmanager
def built(nodes: Sequence[Node]) -> Iterator[Network]:
    """Build a network for the length of the block; it is removed in any case.

    Raises:
        LabError: this machine cannot build it, another lab is running, or the description is invalid.
    """
    network = Network(_checked(nodes))
    if reason := machine.missing_requirement():
        raise LabError(reason)
    with _the_only_lab():
        remove_leftovers()
        try:
            _build(network)
            yield network
        finally:
            # A second Ctrl-C must not interrupt the removal.
            with _signals_blocked():
                _end_hops(network)
                remove_leftovers()


def is_running() -> bool:
    """Return whether a lab is running on this machine."""
    try:
        with _the_only_lab():
            return False
    except LabError:
        return True


def leftovers() -> list[str]:
    """Return the names of the lab's namespaces on this machine."""
    if not _NAMESPACES.is_dir():
        return []
    return sorted(path.name for path in _NAMESPACES.iterdir() if path.name.startswith(PREFIX))


def remove_leftovers() -> list[str]:
    """Remove every namespace of the lab with the programs in it; returns the names."""
    names = leftovers()
    for name in names:
        _kill_programs(name)
    for name in names:
        with contextlib.suppress(LabError):
            machine.run("ip", "netns", "del", name)
    shutil.rmtree(FOLDER, ignore_errors=True)
    if _SETTINGS.is_dir():
        for folder in _SETTINGS.glob(f"{PREFIX}*"):
            shutil.rmtree(folder, ignore_errors=True)
    return names


# --- building ------------------------------------------------------------------------------------


def _build(network: Network) -> None:
    network.folder.mkdir(mode=0o700)
    for node in network.nodes.values():
        machine.run("ip", "netns", "add", node.namespace)
        _in(node, ["link set dev lo up"])
        _set_up_kernel(node)
        if node.rules:
            machine.run("ip", "netns", "exec", node.namespace, "nft", "-f", "-", text=node.rules)
    for node in network.nodes.values():
        if node.router:
            _connect(network, node)


def _connect(network: Network, node: Node) -> None:
    """Connect a node to its router: interfaces, addresses, and routes on both sides."""
    router = network.nodes[node.router]
    down = f"to-{node.name}"
    if node.hop is None:
        machine.run(
            "ip", *f"link add uplink netns {node.namespace} type veth peer name {down} netns {router.namespace}".split()
        )
    else:
        network.hops[node.name] = wan_process.start(node.hop, (node.namespace, "uplink"), (router.namespace, down))
    point_to_point = node.hop is not None
    _in(
        node,
        [
            "link set dev uplink up",
            *(f"address add {address} dev uplink{_nodad(address)}" for address in node.addresses),
            *(route for gateway in router.gateways for route in _routes_up(node, gateway, point_to_point)),
        ],
    )
    _in(
        router,
        [
            f"link set dev {down} up",
            # On each interface, since neighbour discovery (RFC 4861) asks the one that has the address.
            *(f"address add {gateway} dev {down}{_nodad(gateway)}" for gateway in router.gateways),
            *(_route_down(node, address, down) for address in _reached_through(network, node)),
        ],
    )


def _routes_up(node: Node, gateway: str, point_to_point: bool) -> list[str]:
    version = ipaddress.ip_address(gateway).version
    if not any(ipaddress.ip_address(address).version == version for address in node.addresses):
        return []
    default = "default" if version == 4 else "::/0"
    if point_to_point:
        return [f"route add {default} dev uplink"]
    return [f"route add {gateway} dev uplink", f"route add {default} via {gateway} dev uplink"]


def _route_down(node: Node, address: str, interface: str) -> str:
    """Return the route to an address at or below a node."""
    own = next((a for a in node.addresses if _version(a) == _version(address)), None)
    via = f" via {own}" if own and own != address and node.hop is None else ""
    return f"route add {address}{via} dev {interface}"


def _reached_through(network: Network, node: Node) -> list[str]:
    """Return the addresses that are reached through a node; its own first, since the other routes need them."""
    found = list(node.addresses)
    if not node.has_nat:
        for other in network.nodes.values():
            if other.router == node.name:
                found += _reached_through(network, other)
    return found


def _set_up_kernel(node: Node) -> None:
    """Enable forwarding on routers, and disable duplicate address detection, which would delay IPv6 by seconds."""
    values = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}
    values |= {f"net.ipv6.conf.{each}.accept_dad": 0 for each in ("all", "default")}
    if node.gateways:
        values |= {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    lines = " ".join(f"/proc/sys/{name.replace('.', '/')}={value}" for name, value in values.items())
    script = f'for each in {lines}; do echo "${{each#*=}}" > "${{each%%=*}}"; done'
    machine.run("ip", "netns", "exec", node.namespace, "sh", "-c", script)


def _in(node: Node, lines: Sequence[str]) -> None:
    machine.run("ip", "-n", node.namespace, "-batch", "-", text="\n".join(lines) + "\n")


def _nodad(address: str) -> str:
    """Without duplicate address detection an IPv6 address can be used at once."""
    return " nodad" if _version(address) == 6 else ""


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def _checked(nodes: Sequence[Node]) -> dict[str, Node]:
    """Return the nodes by name. Raises `LabError` if they are not a tree."""
    found: dict[str, Node] = {}
    for node in nodes:
        if not 0 < len(node.name) <= _NAME_MAX:
            raise LabError(f"node {node.name!r}: a name has 1 to {_NAME_MAX} characters")
        if node.name in found:
            raise LabError(f"node {node.name}: this name is used twice")
        if bool(node.router) != bool(found) or (node.router and node.router not in found):
            router = node.router or "none"
            raise LabError(f"node {node.name}: its router ({router}) must come before it, and only the first has none")
        if node.router and not found[node.router].gateways:
            raise LabError(f"node {node.name}: {node.router} is not a router, since it has no gateway address")
        found[node.name] = node
    return found


# --- removing ------------------------------------------------------------------------------------


@contextlib.contextmanager
def _the_only_lab() -> Iterator[None]:
    """Hold the lock of the lab; the kernel releases it if the process dies."""
    try:
        handle = os.open(_LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LabError(f"{_LOCK}: {(error.strerror or 'cannot be opened').lower()}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("another lab is running on this machine; wait for it to end, or stop it") from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _end_hops(network: Network) -> None:
    for name, hop in network.hops.items():
        network.hop_counts[name] = wan_process.stop(hop)


def _kill_programs(namespace: str) -> None:
    """End what still runs inside a namespace: by SIGTERM, then by SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _KILL_SECONDS
        while (pids := _programs(namespace)) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.05)


def _programs(namespace: str) -> list[int]:
    with contextlib.suppress(LabError):
        return [int(pid) for pid in machine.run("ip", "netns", "pids", namespace).split() if int(pid) != os.getpid()]
    return []
