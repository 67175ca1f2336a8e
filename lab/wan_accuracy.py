"""`python -m lab wan`: how exact the wide area links are, and how much they carry, by real packets and clocks.

Delay is measured as UDP round trips between two nodes, over plain virtual Ethernet and then over the link. The error is
the difference between what the link adds and what it should add. The ceiling is a TCP stream over a link without delay
or rate.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from lab.commands import environment, python
from lab.errors import LabError
from lab.namespaces import Network, Node, built
from lab.wan import Conditions, Hop
from lab.wan_process import use_real_time_priority

_ADDRESSES = {"left": "11.0.1.2", "right": "11.0.2.2"}
_PORT = 7
_SECONDS = 60.0
_START_SECONDS = 10.0
_ROUND_TRIPS = 100
_EVERY_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class DelayError:
    """By how many milliseconds round trips differ from what they should take."""

    median_ms: float
    p95_ms: float
    max_ms: float
    n: int
    """How many round trips were measured."""
    late_ms: float
    """How late packets left by the link's own clock, on average."""


def measure_delay(delay_ms: float) -> DelayError:
    """Measure round trips over a link with this one-way delay in both directions."""
    plain = statistics.median(_round_trips(None)[0])
    taken, network = _round_trips(Hop.both(Conditions(delay_ms)))
    errors = sorted(1000 * (each - plain) - 2 * delay_ms for each in taken)
    p95 = errors[int(0.95 * len(errors))]
    return DelayError(
        round(statistics.median(errors), 3), round(p95, 3), round(errors[-1], 3), len(errors), _lateness(network)
    )


def _lateness(network: Network) -> float:
    counts = network.hop_counts["right"].values()
    late_ns, passed = sum(each.late_ns_total for each in counts), sum(each.passed for each in counts)
    return round(late_ns / max(passed, 1) / 1e6, 3)


def measure_rate(conditions: Conditions, size: int) -> float:
    """Return 10^6 bytes a second of a TCP download of `size` bytes over a link with these conditions both ways."""
    with _two_nodes(Hop.both(conditions)) as network, _running_server(network, "source", size):
        return float(_run_client(network, "sink", size)[0])


def measure_loss(loss: float, packets: int) -> float:
    """Return the share of round trips that are lost where each direction loses `loss`."""
    with _two_nodes(Hop.both(Conditions(loss=loss))) as network, _running_server(network, "echo", packets):
        return 1 - len(_run_client(network, "ping", packets)) / packets


def _round_trips(hop: Hop | None) -> tuple[list[float], Network]:
    with _two_nodes(hop) as network, _running_server(network, "echo", _ROUND_TRIPS):
        return _run_client(network, "ping", _ROUND_TRIPS), network


def _two_nodes(hop: Hop | None) -> AbstractContextManager[Network]:
    """Build two nodes with a router between them, and the link between it and the right one."""
    return built(
        [
            Node("middle", gateways=("11.0.0.1",)),
            Node("left", "middle", (_ADDRESSES["left"],)),
            Node("right", "middle", (_ADDRESSES["right"],), hop=hop),
        ]
    )


def show() -> int:
    """Print the figures."""
    for delay in (5.0, 25.0, 75.0, 150.0):
        error = measure_delay(delay)
        print(
            f"delay {delay:5.0f} ms one way: round trip off by {error.median_ms:+.3f} ms (median), "
            f"{error.p95_ms:+.3f} (95 %), {error.max_ms:+.3f} (worst), n={error.n}; "
            f"by its own clock {error.late_ms:.3f} ms late on average"
        )
    for loss in (0.01, 0.05):
        print(
            f"loss {loss:.0%} each way: {measure_loss(loss, 2000):.2%} of round trips lost, "
            f"{1 - (1 - loss) ** 2:.2%} intended"
        )
    for rate in (1.0, 5.0):
        got = measure_rate(Conditions(1, mb_s=rate), int(rate * 2_000_000))
        print(f"rate {rate:.0f} MB/s: {got:.2f} MB/s of TCP payload ({rate * 1448 / 1500:.2f} at most)")
    print(f"ceiling: {measure_rate(Conditions(), 60_000_000):.0f} MB/s of TCP payload through one link")
    return 0


# --- the two ends --------------------------------------------------------------------------------


@contextmanager
def _running_server(network: Network, what: str, size: int) -> Iterator[None]:
    """Run the end on the right, which answers, for the length of the block."""
    command = network.command("right", [*python("lab.wan_accuracy"), what, str(size)])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        try:
            assert process.stdout is not None
            if not select.select([process.stdout], [], [], _START_SECONDS)[0]:
                raise LabError("the measuring program did not start")
            yield
        finally:
            process.kill()


def _run_client(network: Network, what: str, size: int) -> list[float]:
    command = network.command("left", [*python("lab.wan_accuracy"), what, str(size)])
    done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, env=environment(), text=True)
    if done.returncode:
        raise LabError(f"measuring failed: {done.stderr.strip().splitlines()[-1:]}")
    return [float(each) for each in json.loads(done.stdout)]


def _echo() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("0.0.0.0", _PORT))
        print("ready", flush=True)
        while True:
            data, source = here.recvfrom(2048)
            here.sendto(data, source)


def _ping(count: int) -> list[float]:
    """Return the seconds of each round trip that was completed."""
    every = _EVERY_SECONDS if count <= _ROUND_TRIPS else 0.001
    taken = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.connect((_ADDRESSES["right"], _PORT))
        following = time.monotonic()
        for number in range(count + 1):
            last = number == count
            following += 0.5 if last else every
            if not last:
                here.send(struct.pack("!d", time.monotonic()))
            while (left := following - time.monotonic()) > 0:
                if select.select([here], [], [], left)[0]:
                    (sent,) = struct.unpack("!d", here.recv(64))
                    taken.append(time.monotonic() - sent)
    return taken


def _source(size: int) -> None:
    with socket.create_server(("0.0.0.0", _PORT)) as server:
        print("ready", flush=True)
        here, _ = server.accept()
        with here:
            here.sendall(bytes(size))


def _sink(size: int) -> list[float]:
    with socket.create_connection((_ADDRESSES["right"], _PORT)) as here:
        start, got = time.monotonic(), 0
        while piece := here.recv(1 << 18):
            got += len(piece)
    if got != size:
        raise LabError("the stream broke off")
    return [got / (time.monotonic() - start) / 1e6]


def main(arguments: Sequence[str]) -> None:
    """Be one of the two ends."""
    parser = argparse.ArgumentParser(prog="lab.wan_accuracy")
    parser.add_argument("what", choices=("echo", "ping", "source", "sink"))
    parser.add_argument("size", type=int)
    given = parser.parse_args(arguments)
    if given.what in ("echo", "ping"):
        use_real_time_priority()  # other programs of the machine must not be part of the measurement
    if given.what == "echo":
        _echo()
    elif given.what == "source":
        _source(given.size)
    else:
        print(json.dumps(_ping(given.size) if given.what == "ping" else _sink(given.size)))


if __name__ == "__main__":
    main(sys.argv[1:])
