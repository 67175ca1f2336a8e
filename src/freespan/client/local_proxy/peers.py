"""Tells whose program is at the other end of a connection on loopback, where the system says so: on Linux.

`sock_diag(7)` names the user of the one socket that has these two addresses and ports. That takes some 10 µs however
many sockets there are, where `/proc/net/tcp` lists all of them, and a list of this moment can be out of date in the
next one. It asks about the network namespace that this process is in, which is also where its loopback is, and answers
with the numbers that users have in this process' user namespace: those whom it does not know are all "nobody".

A socket that its program has closed belongs to nobody any more, and many kernels show it as one of root. So it is
refused: otherwise somebody else could send a request, close, and pass for root.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import struct
import sys
from collections.abc import Collection
from pathlib import Path

from freespan.wire.addresses import Address

_log = logging.getLogger(__name__)

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBxxI")
_ENDS = struct.Struct("!HH16s16s")
"""The two ports, and the two addresses; an IPv4 address fills the first 4 bytes."""
_NO_INTERFACE_NO_COOKIE = struct.pack("=III", 0, 0xFFFF_FFFF, 0xFFFF_FFFF)
_PORTS = struct.Struct("!4xHH")
_OWNER = struct.Struct("=64xII")
"""User and inode in `struct inet_diag_msg`, behind the addresses, the timer and the queues."""
_EVERY_STATE = 0xFFFF_FFFF
_ANSWER_MAX = 1024
_ROOT = 0
_LOOPBACK = "127.0.0.1"
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
EVERYBODY: Collection[int] = range(2**32)
"""All users of this machine; they are not even asked for."""


class Peers:
    """Knows the users whose programs may use the local proxy. `users` are numbers; root is one of them anyway.

    Root can read the memory of this process, so there is nothing to keep from it.
    """

    def __init__(self, users: Collection[int]) -> None:
        self._users = users
        self._diag: socket.socket | None = None
        self._has_told = False

    def start(self) -> None:
        """Find out whether this system tells; if it does not, everybody on this machine is let in."""
        if sys.platform == "linux" and self._users is not EVERYBODY:
            with contextlib.suppress(OSError):
                self._diag = socket.socket(
                    socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
                )
                self._diag.setblocking(False)  # the kernel answers before `send` returns
        if self._diag is not None and not self._tells_of_itself(_LOOPBACK):
            self.stop()

    def stop(self) -> None:
        """Ask no more; everybody is let in."""
        if self._diag is not None:
            self._diag.close()
            self._diag = None

    @property
    def tells(self) -> bool:
        """Whether this system tells whose program it is."""
        return self._diag is not None

    def are_known_at(self, address: str) -> bool:
        """Whether nothing keeps the proxy from a loopback address: a system may tell of IPv4 alone."""
        return self._diag is None or address.startswith("127.") or self._tells_of_itself(address)

    def may_use(self, connection: socket.socket) -> bool:
        """Whether the program at the other end of an accepted connection may use the proxy."""
        if self._diag is None:
            return True
        user = self._user_of(connection)
        is_allowed = user is not None and (user == _ROOT or user in self._users)
        if not is_allowed and not self._has_told:
            self._has_told = True
            _log.warning("a program of another user was refused by the local proxy")
        return is_allowed

    def _user_of(self, connection: socket.socket) -> int | None:
        """The user of the socket at the other end; None if no program has it any more."""
        assert self._diag is not None
        try:
            (peer, peer_port), (own, own_port) = connection.getpeername()[:2], connection.getsockname()[:2]
            peer_address, own_address = _address(peer), _address(own)
            ends = _ENDS.pack(peer_port, own_port, peer_address.packed, own_address.packed)
            family = _FAMILIES[own_address.version]
            body = _REQUEST.pack(family, socket.IPPROTO_TCP, _EVERY_STATE) + ends + _NO_INTERFACE_NO_COOKIE
            header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
            self._diag.send(header + body)
            answer = self._diag.recv(_ANSWER_MAX)
        except (OSError, ValueError):
            return None
        if len(answer) < _HEADER.size + _OWNER.size or _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
            return None
        # Without such a connection the kernel may answer with what listens at this port.
        is_the_one = _PORTS.unpack_from(answer, _HEADER.size) == (peer_port, own_port)
        user, inode = _OWNER.unpack_from(answer, _HEADER.size)
        return user if is_the_one and inode else None

    def _tells_of_itself(self, loopback: str) -> bool:
        """Try it with a connection of this process; a system may lack the facility, or forbid it in a container."""
        if _is_everybody_nobody():
            return False
        family = _FAMILIES[_address(loopback).version]
        try:
            with socket.socket(family) as listening, socket.socket(family) as program:
                listening.bind((loopback, 0))
                listening.listen(1)
                program.connect(listening.getsockname())
                accepted, _ = listening.accept()
                with accepted:
                    return self._user_of(accepted) == os.geteuid()
        except OSError:
            return False


def _address(text: str) -> Address:
    """An address of a socket, without its zone. An IPv4 connection is one whichever socket has accepted it."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def own_users() -> frozenset[int]:
    """The user of this process, and the person who has started it by `sudo`; nobody where there are no such numbers."""
    if sys.platform == "win32":
        return frozenset()
    behind = os.environ.get("SUDO_UID", "")
    is_sudo = os.geteuid() == _ROOT and behind.isascii() and behind.isdigit()
    return frozenset({os.geteuid(), *([int(behind)] if is_sudo else [])})


def _is_everybody_nobody() -> bool:
    """Whether this process' own user is one of those whom its user namespace (a container) does not know."""
    try:
        nobody = int(Path("/proc/sys/kernel/overflowuid").read_text())
        known = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
        return os.geteuid() == nobody and not any(
            int(first) <= nobody < int(first) + int(count) for first, _, count in known
        )
    except (OSError, ValueError):
        return False
