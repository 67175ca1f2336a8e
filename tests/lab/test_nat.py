"""Kinds of NAT: their behaviour as measured from inside, and what RFC 4787 means for ICE."""

import json
import subprocess

import pytest

from lab.commands import environment, python
from lab.namespaces import Network, Node, built
from lab.nat import KINDS, Kind, connects, home

FOUR, SIX = ("11.0.4.10", "11.0.4.11"), ("2d00:4::10", "2d00:4::11")
PUBLIC = [Node("core", gateways=("11.0.0.1", "2d00::1")), Node("probe", "core", (*FOUR, *SIX))]


def behaviour(network: Network, node: str, kind: Kind) -> dict[str, str]:
    addresses = FOUR if 4 in kind.ip else SIX
    server = [*python("lab.nat_probe"), "serve", *addresses]
    client = [*python("lab.nat_probe"), "behave", *addresses]
    with subprocess.Popen(network.command("probe", server), stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            done = subprocess.run(
                network.command(node, client), capture_output=True, check=True, timeout=20, env=environment()
            )
        finally:
            process.kill()
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


QUICK = ("port-restricted", "symmetric", "no-udp")


@pytest.mark.parametrize("name", QUICK)
def test_a_nat_behaves_as_described(small_network: None, name: str) -> None:
    check(KINDS[name])


@pytest.mark.parametrize("name", [name for name in KINDS if name not in QUICK])
def test_the_other_nats_behave_as_described(real_network: None, name: str) -> None:
    check(KINDS[name])


def check(kind: Kind) -> None:
    """Compare what is measured from inside with the table."""
    with built([*PUBLIC, *home(kind, "guest", 1, "core")]) as network:
        found = behaviour(network, "guest", kind)
    if kind.udp:
        assert found == {"mapping": kind.mapping, "filtering": kind.filtering}
    else:
        assert found == {"mapping": "blocked", "filtering": "blocked"}


@pytest.mark.parametrize(
    ("one", "other", "possible"),
    [
        ("open", "open", True),
        ("open", "symmetric", True),
        ("full-cone", "symmetric", True),
        ("restricted", "symmetric", True),
        ("port-restricted", "port-restricted", True),
        ("port-restricted", "symmetric", False),
        ("symmetric", "symmetric", False),
        ("carrier", "port-restricted", True),
        ("ipv6", "ipv6", True),
        ("ipv6", "port-restricted", False),
        ("ipv6", "open", True),
        ("no-udp", "open", False),
    ],
)
def test_theory(one: str, other: str, possible: bool) -> None:
    assert connects(KINDS[one], KINDS[other]) is possible
    assert connects(KINDS[other], KINDS[one]) is possible
