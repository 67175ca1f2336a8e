"""A wide area link in user space: delay, jitter, loss, rate and queue, for each way of its own.

The kernels that the lab is meant for often lack netem. So a link is two TUN interfaces, one in each namespace, and a
process of its own that carries packets from one to the other when their time has come:

    arrives ─▶ lost? ─▶ room in the queue? ─▶ its turn at the rate ─▶ + delay + jitter ─▶ leaves

Packets of one way never overtake each other, as on most roads; jitter holds up those behind.
What it can do, and how exactly, is measured by `python -m lab wan` (docs/lab.md).
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import gc
import json
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import NoReturn

from lab import programs
from lab.errors import LabError

PACKET_MAX = 1500
_BATCH = 64
"""Packets read in a row from one side before the other one gets its turn."""
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_PR_SET_TIMERSLACK = 29
_PRIORITY = -10
_START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way of a link."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Each packet takes up to so much longer, evenly distributed."""
    loss: float = 0.0
    """From 0 to 1, each packet by itself."""
    mb_s: float = 0.0
    """Rate in 10^6 bytes a second, IP headers included; 0 is unlimited."""
    queue_bytes: int = 256 * 1024
    """What may wait for its turn; more is dropped. Counts only where there is a rate."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Both ways: `up` goes from a node to its router."""

    up: Way = Way()
    down: Way = Way()

    @classmethod
    def both(cls, way: Way) -> Hop:
        return cls(way, way)


End = tuple[str, str]
"""Namespace and interface."""


def start(hop: Hop, low: End, high: End) -> subprocess.Popen[bytes]:
    """Start the process of a link between two namespaces; its interfaces exist, still down, when this returns.

    Raises:
        LabError: it did not come up.
    """
    description = json.dumps({"up": asdict(hop.up), "down": asdict(hop.down)})
    arguments = [*programs.python("lab.wan"), "--low", ":".join(low), "--high", ":".join(high), description]
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=programs.environment(),
        start_new_session=True,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
    if not ready or process.stdout.readline() != b"ready\n":
        process.kill()
        process.wait()
        process.stdout.close()
        raise LabError(f"the wide area link of {low[0]} did not come up")
    return process


def stop(process: subprocess.Popen[bytes]) -> dict[str, Counts]:
    """End the process of a link; returns what each way has done, if it could still say so."""
    process.terminate()
    try:
        words, _ = process.communicate(timeout=_START_SECONDS)
        return {way: Counts(**counts) for way, counts in json.loads(words).items()}
    except (subprocess.TimeoutExpired, ValueError, TypeError):
        process.kill()
        process.communicate()
        return {}


# --- the process ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Counts:
    """What one way has done; times in nanoseconds."""

    passed: int = 0
    lost: int = 0
    overflowed: int = 0
    late_ns_total: int = 0
    """Sum over packets of how much later than meant they left."""
    late_ns_max: int = 0


@dataclass(slots=True)
class Road:
    """The state of one way. Pure: time and chance are handed in."""

    way: Way
    counts: Counts = field(default_factory=Counts)
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    """(when to leave, packet), in the order of leaving."""
    _free_at: int = 0
    _last_at: int = 0

    def arrive(self, now: int, packet: bytes, chance: random.Random) -> None:
        """Take a packet at the time `now` (ns), or drop it."""
        way = self.way
        if way.loss and chance.random() < way.loss:
            self.counts.lost += 1
            return
        at = now
        if way.mb_s:
            turn = max(now, self._free_at)
            if (turn - now) * way.mb_s / 1000 + len(packet) > way.queue_bytes:
                self.counts.overflowed += 1
                return
            at = self._free_at = turn + int(len(packet) * 1000 / way.mb_s)
        at += int(way.delay_ms * 1e6)
        if way.jitter_ms:
            at += int(chance.random() * way.jitter_ms * 1e6)
        self._last_at = at = max(at, self._last_at)
        self.waiting.append((at, packet))


def _carry(low: int, high: int, up: Road, down: Road) -> NoReturn:
    """Carry packets between two TUN descriptors for ever."""
    chance = random.Random()
    clock, read, write = time.monotonic_ns, os.read, os.write
    roads = ((low, high, up), (high, low, down))
    while True:
        soonest = 0
        for _, target, road in roads:
            waiting, counts = road.waiting, road.counts
            now = clock()
            while waiting and waiting[0][0] <= now:
                at, packet = waiting.popleft()
                try:
                    write(target, packet)
                except OSError:
                    continue  # the interface is not up (any more)
                late = now - at
                counts.passed += 1
                counts.late_ns_total += late
                if late > counts.late_ns_max:
                    counts.late_ns_max = late
                now = clock()
            if waiting and (not soonest or waiting[0][0] < soonest):
                soonest = waiting[0][0]
        timeout = max(0.0, (soonest - clock()) / 1e9) if soonest else 1.0
        # select takes microseconds, epoll and poll only milliseconds
        readable, _, _ = select.select((low, high), (), (), timeout)
        for source, _, road in roads:
            if source in readable:
                try:
                    for _ in range(_BATCH):
                        packet = read(source, PACKET_MAX)
                        road.arrive(clock(), packet, chance)
                except OSError:
                    pass  # nothing more to read


def open_tun(namespace: str, interface: str) -> int:
    """Make a TUN interface inside a namespace; returns its descriptor. It goes with this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(place, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    finally:
        os.close(place)
    handle = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(handle, _TUNSETIFF, struct.pack("16sH22x", interface.encode(), _IFF_TUN | _IFF_NO_PI))
    # what waits belongs into the queue above, where it is counted, and not into the kernel's
    subprocess.run(["ip", "link", "set", "dev", interface, "mtu", str(PACKET_MAX), "txqueuelen", "2000"], check=True)
    return handle


def be_on_time() -> None:
    """Have this process wake when it asked for, before every ordinary program: a busy browser is no slower road."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)  # the kernel or a container keeps real time for itself


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The process of one link; SIGTERM ends it, and it says then what it has done."""
    parser = argparse.ArgumentParser(prog="lab.wan")
    parser.add_argument("--low", required=True)
    parser.add_argument("--high", required=True)
    parser.add_argument("hop", type=json.loads)
    given = parser.parse_args(arguments)
    up, down = Road(Way(**given.hop["up"])), Road(Way(**given.hop["down"]))
    low, high = open_tun(*given.low.split(":")), open_tun(*given.high.split(":"))

    def end(_number: int, _frame: FrameType | None) -> None:
        print(json.dumps({"up": asdict(up.counts), "down": asdict(down.counts)}), flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the lab, which ends this one in its order
    be_on_time()
    gc.disable()  # nothing here makes circles
    print("ready", flush=True)
    _carry(low, high, up, down)


if __name__ == "__main__":
    main(sys.argv[1:])
