"""An engine that cannot list the interfaces of this machine, and what is done about what it does not know then."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading

import pytest

from freespan.link.default_route import (
    Route,
    default_routes,
    start_without_interfaces,
    usable_versions,
    with_own_addresses,
)
from freespan.wire.network import Network, network_of

RESTRICTS = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
linux = pytest.mark.skipif(not RESTRICTS, reason="Linux on x86-64 or ARM64")


# --- threads that see no interfaces ---------------------------------------------------------------


def opened(family: int) -> bool:
    try:
        socket.socket(family, socket.SOCK_RAW if family == socket.AF_NETLINK else socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


@linux
@pytest.mark.parametrize(
    ("versions", "expected"),
    [({4, 6}, (False, True, True)), ({4}, (False, True, False)), ({6}, (False, False, True))],
)
def test_a_thread_and_those_that_it_starts_can_list_no_interfaces(
    versions: set[int], expected: tuple[bool, ...]
) -> None:
    families = (socket.AF_NETLINK, socket.AF_INET, socket.AF_INET6)
    seen: list[tuple[bool, ...]] = []

    def look() -> None:
        seen.append(tuple(map(opened, families)))

    def start() -> None:
        look()
        child = threading.Thread(target=look)
        child.start()
        child.join()

    assert start_without_interfaces(start, versions)
    assert seen == [expected, expected]
    assert all(map(opened, families)), "the rest of the process is as before"


def test_where_it_cannot_be_forbidden_the_engine_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    started: list[bool] = []
    assert not start_without_interfaces(lambda: started.append(True), {4, 6})
    assert started == [True]
    assert default_routes() == {}


# --- the engine -----------------------------------------------------------------------------------

ENGINE = """
import asyncio, gc, json, logging
from freespan.link.datachannel import DataChannelLink, DefaultRouteEngine

async def hosts(engine=None):
    link = DataChannelLink(engine=engine)
    sdp = await link.offer(patient=True)
    return link, " typ host" in sdp

async def main():
    said = []
    logging.getLogger("freespan").addFilter(lambda record: said.append(record.getMessage()))
    logging.getLogger("freespan.link.datachannel").addFilter(lambda record: said.append(record.getMessage()))
    found = {}
    engine = DefaultRouteEngine()
    first, found["kept"] = await hosts(engine)
    second, found["beside"] = await hosts()
    found["kept, said"] = engine.can_list_interfaces
    for link in (first, second):
        link.close()
    engine.close()
    await asyncio.sleep(0.1)
    del first, second, engine, link
    gc.collect()
    open_one, found["without"] = await hosts()
    engine = DefaultRouteEngine()
    late, found["too late"] = await hosts(engine)
    found["too late, said"] = engine.can_list_interfaces
    found["warnings"] = len(said)
    print(json.dumps(found))

asyncio.run(main())
"""


@linux
def test_an_engine_names_no_interface_unless_it_was_started_before() -> None:
    """In a process of its own, since a process has one engine."""
    if not default_routes():
        pytest.skip("this machine has no network")
    done = subprocess.run(
        [sys.executable, "-c", ENGINE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == {
        "kept": False,
        "beside": False,
        "kept, said": False,
        "without": True,
        "too late": True,
        "too late, said": True,
        "warnings": 1,
    }


# --- routes ---------------------------------------------------------------------------------------


@linux
def test_the_route_of_this_machine() -> None:
    for version, route in default_routes().items():
        with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as any_socket:
            any_socket.connect(("198.41.0.4" if version == 4 else "2001:503:ba3e::2:30", 9))
            assert route.source == any_socket.getsockname()[0]
        assert route.interface in {name for _, name in socket.if_nameindex()}


@pytest.mark.parametrize(
    ("routes", "tunnels", "expected"),
    [
        ({}, (), {4, 6}),
        ({4: "eth0"}, (), {4, 6}),
        ({4: "eth0", 6: "eth0"}, (), {4, 6}),
        ({4: "wg0", 6: "wg0"}, ("wg0",), {4, 6}),
        ({4: "wg0", 6: "eth0"}, ("wg0",), {4}),
        ({4: "wg0"}, ("wg0",), {4, 6}),
        ({4: "wg0", 6: "wg1"}, ("wg0", "wg1"), {4, 6}),
        ({4: "eth0", 6: "he-ipv6"}, ("he-ipv6",), {4, 6}),
        ({4: "eth0", 6: "eth1"}, (), {4, 6}),
    ],
)
def test_a_vpn_that_carries_ipv4_alone_leaves_ipv6_out(
    routes: dict[int, str], tunnels: tuple[str, ...], expected: set[int]
) -> None:
    found = {version: Route(interface, "") for version, interface in routes.items()}
    assert usable_versions(found, tunnels.__contains__) == expected


# --- offers ---------------------------------------------------------------------------------------

REFLEXIVE = "a=candidate:1 1 udp 1677729535 {} 40000 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999\r\n"


def test_an_end_without_a_nat_is_open_as_before() -> None:
    sdp = REFLEXIVE.format("11.20.1.2") + REFLEXIVE.format("2d00:20:1::2")
    assert network_of(sdp) == Network("cone", "cone")
    found = with_own_addresses(sdp, {"11.20.1.2", "2d00:20:1::2"})
    assert network_of(found) == Network("open", "open")
    assert found.splitlines()[0] == (
        "a=candidate:1 1 udp 1677729535 11.20.1.2 40000 typ host generation 0 network-cost 999"
    )


def test_an_end_behind_a_nat_stays_what_it_is() -> None:
    sdp = "v=0\r\n" + REFLEXIVE.format("11.20.3.1") + "a=end-of-candidates\r\n"
    assert with_own_addresses(sdp, {"10.9.0.2"}) == sdp


@pytest.mark.parametrize(
    "line", ["a=candidate:1 1 udp", "a=x 1.2.3.4 srflx", "", "a=candidate:1 1 udp 1 1.2.3.4 5 typ relay a b c d"]
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert with_own_addresses(line, {"1.2.3.4"}) == line
