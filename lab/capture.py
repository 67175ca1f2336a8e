"""What passes an interface of a node, kept in memory: AF_PACKET in its namespace, no program beside this one.

Bounded in packets and bytes; what comes after that is counted and not kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

PACKETS_MAX = 20_000
BYTES_MAX = 32 * 1024 * 1024
_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_BUFFER = 8 * 1024 * 1024
_READ_MAX = 65_600  # the kernel hands on what the card would have cut
_BATCH = 256
_CLONE_NEWNET = 0x40000000

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Seen:
    """One IP packet."""

    at: float
    """Seconds by the kernel's clock."""
    leaves: bool
    """Whether the node sent it out on the interface; False when it came in."""
    raw: bytes


@dataclass(slots=True)
class Capture:
    """What has been seen so far, oldest first."""

    packets: list[Seen] = field(default_factory=list)
    size: int = 0
    missed: int = 0
    """Packets over the bounds."""

    def take(self, seen: Seen) -> None:
        """Keep a packet, or count it."""
        if len(self.packets) >= PACKETS_MAX or self.size + len(seen.raw) > BYTES_MAX:
            self.missed += 1
            return
        self.packets.append(seen)
        self.size += len(seen.raw)


@contextlib.contextmanager
def capturing(namespace: str, interface: str) -> Iterator[Capture]:
    """Capture for the length of the block, in the event loop that runs. Raises `OSError` for an unknown interface."""
    capture = Capture()
    loop = asyncio.get_running_loop()
    with inside(namespace, lambda: _listening(interface)) as here:
        loop.add_reader(here, _read, here, capture)
        try:
            yield capture
        finally:
            loop.remove_reader(here)
            _read(here, capture)


def inside(namespace: str, make: Callable[[], _Made]) -> _Made:
    """Make something in a network namespace, a socket say, which stays there; returns it.

    A thread of its own enters the namespace and is gone afterwards, so that this process does not move.
    """

    def enter() -> _Made:
        libc = ctypes.CDLL(None, use_errno=True)
        place = os.open(Path("/run/netns") / namespace, os.O_RDONLY)
        try:
            if libc.setns(place, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        finally:
            os.close(place)
        return make()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(enter).result()


def _listening(interface: str) -> socket.socket:
    here = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    here.setblocking(False)
    here.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    here.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    here.bind((interface, _ETH_P_ALL))
    return here


def _read(here: socket.socket, capture: Capture) -> None:
    """Take what waits; the event loop calls again when there is more."""
    for _ in range(_BATCH):
        try:
            raw, extra, _flags, address = here.recvmsg(_READ_MAX, 64)
        except OSError:
            return  # nothing more, or the interface is gone
        at = next((_seconds(data) for _, kind, data in extra if kind == _SO_TIMESTAMPNS), 0.0)
        capture.take(Seen(at, address[2] == socket.PACKET_OUTGOING, raw))


def _seconds(data: bytes) -> float:
    seconds, nanoseconds = struct.unpack("qq", data[:16])
    return int(seconds) + int(nanoseconds) / 1e9
