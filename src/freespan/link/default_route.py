"""Keeps a WebRTC engine to the routes of the system, as every other program is.

An engine lists the network interfaces of the machine, and then asks STUN servers and makes connectivity checks from
each of their addresses. Behind a VPN that shows its reader's own address, in the offer, to STUN servers and to the
other end: where the system routes by source address, the packets leave beside the VPN. No setting of wrtc prevents it,
and to strike candidates from an offer stops no check.

If the engine cannot list interfaces it uses one socket for each IP version that is bound to no address, and the system
chooses the way of each packet. So its threads are started by one that must not open a netlink socket (seccomp(2), on
Linux alone); a thread passes this on to those that it starts, and the rest of the process is as before.

A VPN that carries IPv4 alone leaves IPv6 outside. Then IPv6 is taken from the engine as well.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

# --- routes --------------------------------------------------------------------------------------
_FAR_AWAY = {4: "198.41.0.4", 6: "2001:503:ba3e::2:30"}
"""Addresses on the open internet whose routes are looked up (a root server of DNS); nothing is sent to them."""
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_NETLINK_ROUTE = 0
_RTM_GETROUTE, _RTM_NEWROUTE = 26, 24
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_RTA_DST, _RTA_OIF, _RTA_PREFSRC = 1, 4, 7
_ANSWER_MAX = 8_192
_TUNNEL_TYPES = {"65534", "512"}
"""ARPHRD_NONE (TUN, WireGuard) and ARPHRD_PPP, of `/sys/class/net/*/type`."""
_TRANSLATORS = ("clat",)
"""Interfaces that look like a tunnel and carry IPv4 over IPv6 (RFC 6877)."""


class Route(NamedTuple):
    """The way to the open internet: the interface, and the address of this machine that packets have there."""

    interface: str
    source: str


def default_routes() -> dict[int, Route]:
    """The ways to the open internet by IP version, where there are any; empty where the system does not tell."""
    found = {version: _look_up(version) for version in _FAR_AWAY} if sys.platform == "linux" else {}
    return {version: route for version, route in found.items() if route is not None}


def usable_versions(routes: dict[int, Route], is_tunnel: Callable[[str], bool] | None = None) -> frozenset[int]:
    """The IP versions that show no other address than the rest: without IPv6 if a VPN carries IPv4 alone."""
    is_tunnel = is_tunnel or _is_tunnel
    if len(routes) == 2 and is_tunnel(routes[4].interface) and not is_tunnel(routes[6].interface):
        return frozenset({4})
    return frozenset({4, 6})


def _look_up(version: int) -> Route | None:
    family = _FAMILIES[version]
    target = socket.inet_pton(family, _FAR_AWAY[version])
    route = _ROUTE.pack(family, len(target) * 8, 0, 0, 0, 0, 0, 0, 0)
    body = route + _ATTRIBUTE.pack(_ATTRIBUTE.size + len(target), _RTA_DST) + target
    header = _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE) as netlink:
            netlink.setblocking(False)  # the kernel answers before `send` returns
            netlink.send(header + body)
            answer = netlink.recv(_ANSWER_MAX)
        if _HEADER.unpack_from(answer)[1] != _RTM_NEWROUTE:
            return None
        attributes = _attributes(answer[_HEADER.size + _ROUTE.size :])
        (index,) = struct.unpack("=I", attributes[_RTA_OIF])
        return Route(socket.if_indextoname(index), socket.inet_ntop(family, attributes[_RTA_PREFSRC]))
    except (OSError, KeyError, ValueError, struct.error):
        return None


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = data[_ATTRIBUTE.size : length]
        data = data[length + -length % 4 :]
    return found


def _is_tunnel(interface: str) -> bool:
    if interface.startswith(_TRANSLATORS):
        return False
    try:
        return (Path("/sys/class/net") / interface / "type").read_text().strip() in _TUNNEL_TYPES
    except OSError:
        return False


# --- offers ----------------------------------------------------------------------------------------
def with_own_addresses(sdp: str, own: Collection[str]) -> str:
    """A description in which a server-reflexive candidate with an address of this machine is a host candidate.

    Where there is no NAT, a STUN server sees the end's own address. An engine that lists interfaces knows that one, and
    the other end's pairing depends on it (wire/network.py). This one does not.
    """
    return "".join(_as_host_candidate(line, own) for line in sdp.splitlines(keepends=True))


def _as_host_candidate(line: str, own: Collection[str]) -> str:
    parts = line.split(" ")
    if not line.startswith("a=candidate:") or len(parts) < 12 or parts[4] not in own or parts[7] != "srflx":
        return line
    return " ".join([*parts[:7], "host", *parts[12:]])  # without `raddr … rport …`


# --- threads that see no interfaces -------------------------------------------------------------------
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""AUDIT_ARCH_* and the number of socket(2)."""
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_AT_NUMBER, _AT_ARCHITECTURE, _AT_FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_EAFNOSUPPORT = 97

_INSTRUCTION = struct.Struct("=HBBI")
"""`struct sock_filter`: what to do, how many lines to skip if it is so and if it is not, and a value."""
_PROGRAM = struct.Struct("@HP")
"""`struct sock_fprog`: the number of instructions, and where they are."""


def start_without_interfaces(start: Callable[[], None], versions: Collection[int]) -> bool:
    """Call `start` in a thread that can list no interfaces, like those that it starts; false if that is impossible.

    Only sockets of these IP versions can be opened there. `start` is called in any case.
    """
    outcome = False

    def run() -> None:
        nonlocal outcome
        outcome = _forbid([socket.AF_NETLINK, *(_FAMILIES[each] for each in _FAMILIES if each not in versions)])
        start()

    thread = threading.Thread(target=run, name="freespan-webrtc-start")
    thread.start()
    thread.join()
    return outcome


def _forbid(families: Collection[int]) -> bool:
    """Let this thread, and those that it starts, open no sockets of these families; false if that is impossible."""
    found = _ARCHITECTURES.get(os.uname().machine) if sys.platform == "linux" else None
    if found is None or sys.maxsize < 2**32:
        return False
    architecture, number = found
    checks = [(_EQUAL, len(families) - place, 0, family) for place, family in enumerate(sorted(families))]
    lines = [
        (_LOAD, 0, 0, _AT_ARCHITECTURE),
        (_EQUAL, 0, len(checks) + 3, architecture),
        (_LOAD, 0, 0, _AT_NUMBER),
        (_EQUAL, 0, len(checks) + 1, number),
        (_LOAD, 0, 0, _AT_FIRST_ARGUMENT),
        *checks,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _FAIL | _EAFNOSUPPORT),
    ]
    import ctypes  # a client in a private network needs none of this

    instructions = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*line) for line in lines))
    program = ctypes.create_string_buffer(_PROGRAM.pack(len(lines), ctypes.addressof(instructions)))
    libc = ctypes.CDLL(None)
    return bool(
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0) == 0
    )
