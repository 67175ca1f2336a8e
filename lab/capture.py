"""Captures the packets of an interface in memory, by an AF_PACKET socket in the namespace of a node.

The number of packets and of bytes is bounded; packets beyond that are counted and not kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from lab.packets import CapturedPacket
from lab.setns import enter

PACKETS_MAX = 20_000
BYTES_MAX = 32 * 1024 * 1024
_ETH_P_ALL = 0x0003
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_BUFFER = 8 * 1024 * 1024
_READ_MAX = 65_600  # the kernel passes on segments that the network card would split
_BATCH = 256

_Made = TypeVar("_Made")


@dataclass(slots=True)
class Capture:
    """The packets captured so far, oldest first."""

    packets: list[CapturedPacket] = field(default_factory=list)
    size: int = 0
    missed: int = 0
    """How many packets were not kept, because of the bounds."""

    def add(self, packet: CapturedPacket) -> None:
        """Keep a packet, or count it as missed."""
        if len(self.packets) >= PACKETS_MAX or self.size + len(packet.raw) > BYTES_MAX:
            self.missed += 1
            return
        self.packets.append(packet)
        self.size += len(packet.raw)


@contextlib.contextmanager
def capturing(namespace: str, interface: str) -> Iterator[Capture]:
    """Capture for the length of the block, in the running event loop. Raises `OSError` for an unknown interface."""
    capture = Capture()
    loop = asyncio.get_running_loop()
    with in_namespace(namespace, lambda: _listening(interface)) as here:
        loop.add_reader(here, _read, here, capture)
        try:
            yield capture
        finally:
            loop.remove_reader(here)
            _read(here, capture)


def in_namespace(namespace: str, make: Callable[[], _Made]) -> _Made:
    """Call `make` in a network namespace and return its result, such as a socket, which stays in there.

    A thread enters the namespace and ends afterwards, so that this process stays where it is.
    """

    def enter_and_make() -> _Made:
        enter(namespace)
        return make()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(enter_and_make).result()


def _listening(interface: str) -> socket.socket:
    here = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    here.setblocking(False)
    here.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    here.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    here.bind((interface, _ETH_P_ALL))
    return here


def _read(here: socket.socket, capture: Capture) -> None:
    """Read the packets that wait; the event loop calls again when there are more."""
    for _ in range(_BATCH):
        try:
            raw, extra, _flags, address = here.recvmsg(_READ_MAX, 64)
        except OSError:
            return  # nothing more, or the interface is gone
        at = next((_seconds(data) for _, kind, data in extra if kind == _SO_TIMESTAMPNS), 0.0)
        capture.add(CapturedPacket(at, address[2] == socket.PACKET_OUTGOING, raw))


def _seconds(data: bytes) -> float:
    seconds, nanoseconds = struct.unpack("qq", data[:16])
    return int(seconds) + int(nanoseconds) / 1e9
