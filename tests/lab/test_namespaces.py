"""Networks are built as described, and removed without remains."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lab import machine, namespaces
from lab.commands import environment
from lab.errors import LabError
from lab.namespaces import PREFIX, Network, Node, built

ROOT = Node("core", gateways=("11.0.0.1", "2d00::1"))
TREE = [
    ROOT,
    Node("left", "core", ("11.0.1.2", "2d00:1::2")),
    Node("router", "core", ("11.0.2.2", "2d00:2::2"), ("11.0.3.1", "2d00:3::1")),
    Node("right", "router", ("11.0.3.2", "2d00:3::2")),
]


def reaches(network: Network, node: str, address: str) -> bool:
    # Nothing listens, so a refusal means that the address was reached.
    script = "import socket, sys; s = socket.create_connection((sys.argv[1], 9), 3)"
    done = subprocess.run(
        network.command(node, [sys.executable, "-c", script, address]), capture_output=True, text=True, check=False
    )
    return "ConnectionRefusedError" in done.stderr


@pytest.mark.parametrize("address", ["11.0.3.2", "2d00:3::2", "11.0.2.2"])
def test_every_node_is_reached_through_the_tree(small_network: None, address: str) -> None:
    with built(TREE) as network:
        assert reaches(network, "left", address)
    assert not namespaces.leftovers()


def test_everything_is_removed_after_an_error(small_network: None) -> None:
    with pytest.raises(ZeroDivisionError), built(TREE) as network:
        network.set_name_server("left", "11.0.53.53")
        program = subprocess.Popen(network.command("left", ["sleep", "60"]))
        raise ZeroDivisionError
    assert program.wait(5) != 0
    assert not namespaces.leftovers()
    assert not list(namespaces._SETTINGS.glob(f"{PREFIX}*"))


CRASH = """
import time
from lab.namespaces import Node, built
with built([Node("core", gateways=("11.0.0.1",)), Node("left", "core", ("11.0.1.2",))]):
    print("up", flush=True)
    time.sleep(60)
"""


def crash(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", CRASH], stdout=subprocess.PIPE, env=environment()) as lab:
        assert lab.stdout is not None
        assert lab.stdout.readline() == b"up\n"
        os.kill(lab.pid, number)


def test_the_next_lab_removes_what_a_killed_one_has_left(small_network: None) -> None:
    crash(signal.SIGKILL)
    assert f"{PREFIX}left" in namespaces.leftovers()
    with built(TREE) as network:
        assert reaches(network, "left", "11.0.3.2")
    assert not namespaces.leftovers()


def test_ctrl_c_removes_everything(small_network: None) -> None:
    crash(signal.SIGINT)
    assert not namespaces.leftovers()


def test_two_labs_cannot_run_at_the_same_time(small_network: None) -> None:
    with built([ROOT]), pytest.raises(LabError, match="another lab is running"), built([ROOT]):
        pass


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([ROOT, Node("left", "nobody", ("11.0.1.2",))], "its router .nobody. must come before it"),
        ([ROOT, ROOT], "used twice"),
        ([Node("a-very-long-name")], "1 to 12 characters"),
        ([ROOT, Node("left", "core", ("11.0.1.2",)), Node("below", "left", ("11.0.1.3",))], "left is not a router"),
    ],
)
def test_a_description_that_is_not_a_tree_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(LabError, match=message), built(nodes):
        pass


def test_a_missing_requirement_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in machine.missing_requirement()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda tool: None if tool == "nft" else f"/usr/sbin/{tool}")
    assert "nftables" in machine.missing_requirement()
    assert "\n" not in machine.missing_requirement()


def test_programs_of_a_crashed_lab_are_ended(small_network: None) -> None:
    with built(TREE) as network:
        # Without setpriv, so that it does not end with this process.
        stray = subprocess.Popen(["ip", "netns", "exec", network.nodes["left"].namespace, "sleep", "60"])
        deadline = time.monotonic() + 5
        while not namespaces._programs(network.nodes["left"].namespace) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stray.wait(5) != 0
