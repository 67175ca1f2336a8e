"""Measures the behaviour of a NAT from the inside, as in RFC 5780, and punches holes through a pair of NATs.

`serve` answers on two addresses with two ports each, and reports from where each query came. `behave` sends queries and
prints the NAT's mapping and filtering. `punch` learns its external address, gets that of the other end, and tries to
reach it, as ICE does.

A query is `{"id": …, "address": 0 or 1, "port": 0 or 1}`, which names the socket that shall answer; the answer is
`{"id": …, "from": [address, port]}`. Each is one UDP packet.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import select
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

PORTS = (3478, 3479)
ANSWER_SECONDS = 0.4
TRIES = 2
PUNCH_SECONDS = 2.5
_PUNCH_EVERY = 0.05
_PACKET_MAX = 2048

Address = tuple[str, int]


def serve(addresses: Sequence[str]) -> None:
    """Answer for ever on two addresses of this node."""
    sockets = [[_bound(address, port) for port in PORTS] for address in addresses]
    everyone = [each for row in sockets for each in row]
    print(json.dumps({"event": "ready"}), flush=True)
    while True:
        for here in select.select(everyone, [], [])[0]:
            data, source = here.recvfrom(_PACKET_MAX)
            with contextlib.suppress(ValueError, KeyError, IndexError, TypeError, OSError):
                query = json.loads(data)
                answer = {"id": query["id"], "from": source[:2]}
                sockets[query["address"]][query["port"]].sendto(json.dumps(answer).encode(), source)


def behave(addresses: Sequence[str]) -> dict[str, str]:
    """Return `mapping` and `filtering` of the NAT of this node; both are `blocked` if nothing answers."""
    with _bound(_any(addresses[0]), 0) as here:
        seen = [_ask(here, (addresses[a], PORTS[p]), (a, p)) for a, p in ((0, 0), (1, 0), (1, 1))]
        own = _own_address(addresses[0]), here.getsockname()[1]
    if None in seen:
        return {"mapping": "blocked", "filtering": "blocked"}
    first, other_address, other_port = seen
    if first == own:
        mapping = "none"
    elif first == other_address == other_port:
        mapping = "endpoint-independent"
    elif other_address == other_port:
        mapping = "address-dependent"
    else:
        mapping = "address-and-port-dependent"
    return {"mapping": mapping, "filtering": _filtering(addresses)}


def _filtering(addresses: Sequence[str]) -> str:
    """Request answers from sockets that were never sent to; each time from a new port."""
    for name, (a, p) in {"endpoint-independent": (1, 1), "address-dependent": (0, 1)}.items():
        with _bound(_any(addresses[0]), 0) as here:
            if _ask(here, (addresses[0], PORTS[0]), (a, p)):
                return name
    return "address-and-port-dependent"


def punch(addresses: Sequence[str]) -> dict[str, Any]:
    """Print the own candidates, read those of the other end, and try them; `seconds` is None if that failed."""
    with contextlib.ExitStack() as stack:
        ends: list[tuple[socket.socket, Address]] = []
        for address in addresses:
            with contextlib.suppress(OSError):
                here = stack.enter_context(_bound(_any(address), 0))
                if outside := _ask(here, (address, PORTS[0]), (0, 0)):
                    ends.append((here, outside))
        print(json.dumps({"event": "candidates", "candidates": [outside for _, outside in ends]}), flush=True)
        theirs = [(str(host), int(port)) for host, port in json.loads(sys.stdin.readline())]
        return {"seconds": _punch([here for here, _ in ends], theirs)}


def _punch(sockets: Sequence[socket.socket], theirs: Sequence[Address]) -> float | None:
    """Send to all known addresses until an answer to that comes back; returns how long it took."""
    start = time.monotonic()
    targets = {here: {each for each in theirs if (":" in each[0]) == _is_six(here)} for here in sockets}
    received, done_at = False, None
    while time.monotonic() - start < PUNCH_SECONDS:
        for here in sockets:
            for target in targets[here]:
                with contextlib.suppress(OSError):
                    here.sendto(b"received" if received else b"hello", target)
        for here in select.select(sockets, [], [], _PUNCH_EVERY)[0]:
            with contextlib.suppress(OSError):
                message, source = here.recvfrom(_PACKET_MAX)
                if message not in (b"hello", b"received"):
                    continue
                received = True
                targets[here].add((source[0], source[1]))  # ICE calls it peer-reflexive
                if message == b"received" and done_at is None:
                    done_at = time.monotonic() - start
        if done_at is not None and time.monotonic() - start > done_at + 4 * _PUNCH_EVERY:
            break  # the other end has received an answer by now as well
    return None if done_at is None else round(done_at, 4)


def _ask(here: socket.socket, whom: Address, answer_from: tuple[int, int]) -> Address | None:
    for _ in range(TRIES):
        number = secrets.token_hex(8)
        query = {"id": number, "address": answer_from[0], "port": answer_from[1]}
        with contextlib.suppress(OSError):
            here.sendto(json.dumps(query).encode(), whom)
        deadline = time.monotonic() + ANSWER_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([here], [], [], left)[0]:
                break
            with contextlib.suppress(ValueError, OSError):
                answer = json.loads(here.recv(_PACKET_MAX))
                if answer["id"] == number:
                    return str(answer["from"][0]), int(answer["from"][1])
    return None


def _own_address(towards: str) -> str:
    with _bound(_any(towards), 0) as here:
        here.connect((towards, PORTS[0]))
        return str(here.getsockname()[0])


def _bound(address: str, port: int) -> socket.socket:
    here = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    here.bind((address, port))
    return here


def _any(towards: str) -> str:
    return "::" if ":" in towards else "0.0.0.0"


def _is_six(here: socket.socket) -> bool:
    return here.family == socket.AF_INET6


def main() -> None:
    """`python -m lab.nat_probe serve|behave|punch ADDRESS…`; the last two print one line of JSON."""
    parser = argparse.ArgumentParser(prog="lab.nat_probe")
    parser.add_argument("what", choices=("serve", "behave", "punch"))
    parser.add_argument("addresses", nargs="+")
    given = parser.parse_args()
    if given.what == "serve":
        serve(given.addresses)
    else:
        result: dict[str, Any] = behave(given.addresses) if given.what == "behave" else punch(given.addresses)
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
