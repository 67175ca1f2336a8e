"""Networks of Linux network namespaces, built from a description and taken away again.

A network is a tree of nodes. Each node hangs on one router by one wire and reaches everything through it; a router
knows what hangs below it. So the description needs names and addresses only, and every route follows from it.
A wire is a pair of virtual Ethernet interfaces, or a wide area link (`wan.Hop`) with delay, loss and a rate.

Inside a node the wire to its router is called `uplink`, the wires to the nodes below it `to-NAME`.
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

from lab import machine, wan
from lab.errors import LabError

PREFIX = "fsl-"
"""Every namespace of the lab begins so; whatever begins so belongs to the lab."""

_NAMESPACES = Path("/run/netns")
_SETTINGS = Path("/etc/netns")
"""`ip netns exec` lays the files of a folder here over those of /etc."""
_LOCK = Path("/run/freespan-lab.lock")
FOLDER = Path("/run/freespan-lab")
"""Where the programs of the lab that stands keep files."""
_NAME_MAX = 12  # an interface name has at most 15 characters, and `to-` comes before
_KILL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Node:
    """One host or router."""

    name: str
    under: str = ""
    """The router that it hangs on; empty for the one root."""
    addresses: tuple[str, ...] = ()
    """Its own ones, without a prefix length."""
    gateways: tuple[str, ...] = ()
    """A router's addresses towards the nodes below it: one for each IP version that these use."""
    rules: str = ""
    """An nftables ruleset."""
    translates: bool = False
    """Whether it has a NAT: what is below it has no route from above."""
    hop: wan.Hop | None = None
    """The wide area on the way up; None is a plain wire."""

    @property
    def namespace(self) -> str:
        return PREFIX + self.name


@dataclass(slots=True)
class Network:
    """A network that stands."""

    nodes: Mapping[str, Node]
    folder: Path = FOLDER
    """For files of the programs in it; goes with the network."""
    hops: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """The processes of wide area links, by the name of the node below."""
    hop_counts: dict[str, dict[str, wan.Counts]] = field(default_factory=dict)
    """What they have done: known when the network is gone."""

    def command(self, node: str, arguments: Sequence[str]) -> list[str]:
        """Return the command line that runs `arguments` inside a node, and dies with its parent."""
        namespace = self.nodes[node].namespace
        return ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", namespace, *arguments]

    def name_server(self, node: str, address: str) -> None:
        """Have the programs of a node, started from now on, ask `address` for names."""
        folder = _SETTINGS / self.nodes[node].namespace
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {address}\noptions timeout:2 attempts:2\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


@contextlib.contextmanager
def built(nodes: Sequence[Node]) -> Iterator[Network]:
    """Have a network for the length of the block; nothing of it stays, whatever happens in between.

    Raises:
        LabError: this machine cannot, another lab is running, or the description makes no sense.
    """
    network = Network(_checked(nodes))
    if reason := machine.why_not():
        raise LabError(reason)
    with _the_only_lab():
        remove_leftovers()
        try:
            _build(network)
            yield network
        finally:
            # a second Ctrl-C must not stop half-way what the first one began
            with _signals_held():
                _end_hops(network)
                remove_leftovers()


def is_running() -> bool:
    """Whether a lab stands at this moment."""
    try:
        with _the_only_lab():
            return False
    except LabError:
        return True


def leftovers() -> list[str]:
    """Names of the lab's namespaces on this machine."""
    if not _NAMESPACES.is_dir():
        return []
    return sorted(path.name for path in _NAMESPACES.iterdir() if path.name.startswith(PREFIX))


def remove_leftovers() -> list[str]:
    """Take away every namespace of the lab with the programs in it; return their names."""
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
        if node.under:
            _wire(network, node)


def _wire(network: Network, node: Node) -> None:
    """Hang a node on its router: interfaces, addresses, routes on both sides."""
    router = network.nodes[node.under]
    down = f"to-{node.name}"
    if node.hop is None:
        machine.run(
            "ip", *f"link add uplink netns {node.namespace} type veth peer name {down} netns {router.namespace}".split()
        )
    else:
        network.hops[node.name] = wan.start(node.hop, (node.namespace, "uplink"), (router.namespace, down))
    point_to_point = node.hop is not None
    _in(
        node,
        [
            "link set dev uplink up",
            *(f"address add {address} dev uplink{_no_wait(address)}" for address in node.addresses),
            *(route for gateway in router.gateways for route in _ways_up(node, gateway, point_to_point)),
        ],
    )
    _in(
        router,
        [
            f"link set dev {down} up",
            # on each wire, for a neighbour's address is asked (RFC 4861) of the interface that has it
            *(f"address add {gateway} dev {down}{_no_wait(gateway)}" for gateway in router.gateways),
            *(_way_down(node, address, down) for address in _seen_from_above(network, node)),
        ],
    )


def _ways_up(node: Node, gateway: str, point_to_point: bool) -> list[str]:
    version = ipaddress.ip_address(gateway).version
    if not any(ipaddress.ip_address(address).version == version for address in node.addresses):
        return []
    default = "default" if version == 4 else "::/0"
    if point_to_point:
        return [f"route add {default} dev uplink"]
    return [f"route add {gateway} dev uplink", f"route add {default} via {gateway} dev uplink"]


def _way_down(node: Node, address: str, interface: str) -> str:
    """A route to an address at or below a node."""
    own = next((a for a in node.addresses if _version(a) == _version(address)), None)
    via = f" via {own}" if own and own != address and node.hop is None else ""
    return f"route add {address}{via} dev {interface}"


def _seen_from_above(network: Network, node: Node) -> list[str]:
    """Addresses that are reached through a node: its own ones first, for the others' routes lead through them."""
    seen = list(node.addresses)
    if not node.translates:
        for other in network.nodes.values():
            if other.under == node.name:
                seen += _seen_from_above(network, other)
    return seen


def _set_up_kernel(node: Node) -> None:
    """Forward what a router shall; and no search for duplicate addresses, which would hold up IPv6 for seconds."""
    values = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}
    values |= {f"net.ipv6.conf.{each}.accept_dad": 0 for each in ("all", "default")}
    if node.gateways:
        values |= {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}
    lines = " ".join(f"/proc/sys/{name.replace('.', '/')}={value}" for name, value in values.items())
    script = f'for each in {lines}; do echo "${{each#*=}}" > "${{each%%=*}}"; done'
    machine.run("ip", "netns", "exec", node.namespace, "sh", "-c", script)


def _in(node: Node, lines: Sequence[str]) -> None:
    machine.run("ip", "-n", node.namespace, "-batch", "-", text="\n".join(lines) + "\n")


def _no_wait(address: str) -> str:
    """IPv6 addresses can be used at once only without the search for duplicates."""
    return " nodad" if _version(address) == 6 else ""


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version


def _checked(nodes: Sequence[Node]) -> dict[str, Node]:
    """The nodes by name. Raises `LabError` if they are no tree."""
    found: dict[str, Node] = {}
    for node in nodes:
        if not 0 < len(node.name) <= _NAME_MAX:
            raise LabError(f"node {node.name!r}: a name has 1 to {_NAME_MAX} characters")
        if node.name in found:
            raise LabError(f"node {node.name}: described twice")
        if bool(node.under) != bool(found) or (node.under and node.under not in found):
            raise LabError(f"node {node.name}: hangs on {node.under or 'nothing'}; routers come before what is under")
        if node.under and not found[node.under].gateways:
            raise LabError(f"node {node.name}: {node.under} is no router, it has no gateway address")
        found[node.name] = node
    return found


# --- taking away ---------------------------------------------------------------------------------


@contextlib.contextmanager
def _the_only_lab() -> Iterator[None]:
    """Hold the lock that every lab holds; the kernel gives it back if the process dies."""
    try:
        handle = os.open(_LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LabError(f"{_LOCK}: {(error.strerror or 'cannot be opened').lower()}") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("another lab is running on this machine; wait for its end or stop it") from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _end_hops(network: Network) -> None:
    for name, hop in network.hops.items():
        network.hop_counts[name] = wan.stop(hop)


def _kill_programs(namespace: str) -> None:
    """End what still runs inside a namespace of the lab: politely, then at once."""
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
