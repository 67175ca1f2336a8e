"""The process that is a wide area link: two TUN interfaces in two namespaces, and packets carried between them.

Many kernels lack netem, so a link is made in user space. How exact it is, `python -m lab wan` measures (docs/lab.md).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from types import FrameType
from typing import NoReturn

from lab.commands import environment, python
from lab.errors import LabError
from lab.tun import PACKET_MAX, open_tun
from lab.wan import Conditions, Counts, Hop, PacketQueue

_BATCH = 64
"""How many packets are read from one side before the other side gets its turn."""
_PR_SET_TIMERSLACK = 29
_PRIORITY = -10
_START_SECONDS = 5.0

End = tuple[str, str]
"""Namespace and interface."""


def start(hop: Hop, low: End, high: End) -> subprocess.Popen[bytes]:
    """Start the process of a link between two namespaces; its interfaces exist, still down, when this returns.

    Args:
        hop: its conditions.
        low: the end at the node.
        high: the end at the node's router.

    Raises:
        LabError: it did not start.
    """
    description = json.dumps({"up": asdict(hop.up), "down": asdict(hop.down)})
    arguments = [*python("lab.wan_process"), "--low", ":".join(low), "--high", ":".join(high), description]
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
    if not ready or process.stdout.readline() != b"ready\n":
        process.kill()
        process.wait()
        process.stdout.close()
        raise LabError(f"the wide area link of {low[0]} did not start")
    return process


def stop(process: subprocess.Popen[bytes]) -> dict[str, Counts]:
    """End the process of a link; returns the counts of `up` and `down`, or nothing if it could not report them."""
    process.terminate()
    try:
        output, _ = process.communicate(timeout=_START_SECONDS)
        return {direction: Counts(**counts) for direction, counts in json.loads(output).items()}
    except (subprocess.TimeoutExpired, ValueError, TypeError):
        process.kill()
        process.communicate()
        return {}


def use_real_time_priority() -> None:
    """Have this process wake up on time, before all ordinary programs: a busy browser must not slow a link down."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)  # the kernel or a container does not allow real time


def _carry(low: int, high: int, up: PacketQueue, down: PacketQueue) -> NoReturn:
    """Carry packets between two TUN descriptors for ever."""
    chance = random.Random().random
    clock, read, write = time.monotonic_ns, os.read, os.write
    queues = ((low, high, up), (high, low, down))
    while True:
        soonest = 0
        for _, target, queue in queues:
            waiting, counts = queue.waiting, queue.counts
            now = clock()
            while waiting and waiting[0][0] <= now:
                at, packet = waiting.popleft()
                try:
                    write(target, packet)
                except OSError:
                    continue  # the interface is not up yet, or no longer
                late = now - at
                counts.passed += 1
                counts.late_ns_total += late
                if late > counts.late_ns_max:
                    counts.late_ns_max = late
                now = clock()
            if waiting and (not soonest or waiting[0][0] < soonest):
                soonest = waiting[0][0]
        timeout = max(0.0, (soonest - clock()) / 1e9) if soonest else 1.0
        # select takes microseconds, epoll and poll take milliseconds only
        readable, _, _ = select.select((low, high), (), (), timeout)
        for source, _, queue in queues:
            if source in readable:
                try:
                    for _ in range(_BATCH):
                        packet = read(source, PACKET_MAX)
                        queue.arrive(clock(), packet, chance)
                except OSError:
                    pass  # nothing more to read


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Be the process of one link until SIGTERM; print the counts of both directions then."""
    parser = argparse.ArgumentParser(prog="lab.wan_process")
    parser.add_argument("--low", required=True)
    parser.add_argument("--high", required=True)
    parser.add_argument("hop", type=json.loads)
    given = parser.parse_args(arguments)
    up, down = PacketQueue(Conditions(**given.hop["up"])), PacketQueue(Conditions(**given.hop["down"]))
    low, high = open_tun(*given.low.split(":")), open_tun(*given.high.split(":"))

    def end(_number: int, _frame: FrameType | None) -> None:
        print(json.dumps({"up": asdict(up.counts), "down": asdict(down.counts)}), flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after Ctrl-C the lab ends this process in its turn
    use_real_time_priority()
    gc.disable()  # nothing here creates reference cycles
    print("ready", flush=True)
    _carry(low, high, up, down)


if __name__ == "__main__":
    main(sys.argv[1:])
