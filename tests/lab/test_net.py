"""Networks come up as described, and nothing of them stays."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lab import net, programs
from lab.errors import LabError
from lab.net import PREFIX, Network, Node, built

ROOT = Node("core", gateways=("11.0.0.1", "2d00::1"))
TREE = [
    ROOT,
    Node("left", "core", ("11.0.1.2", "2d00:1::2")),
    Node("router", "core", ("11.0.2.2", "2d00:2::2"), ("11.0.3.1", "2d00:3::1")),
    Node("right", "router", ("11.0.3.2", "2d00:3::2")),
]


def reaches(network: Network, node: str, address: str) -> bool:
    script = (
        "import socket, sys; s = socket.create_connection((sys.argv[1], 9), 3)"  # nobody listens: refused is reached
    )
    done = subprocess.run(
        network.command(node, [sys.executable, "-c", script, address]), capture_output=True, text=True, check=False
    )
    return "ConnectionRefusedError" in done.stderr


@pytest.mark.parametrize("address", ["11.0.3.2", "2d00:3::2", "11.0.2.2"])
def test_everybody_is_reached_through_the_tree(small_network: None, address: str) -> None:
    with built(TREE) as network:
        assert reaches(network, "left", address)
    assert not net.leftovers()


def test_everything_is_gone_after_an_error(small_network: None) -> None:
    with pytest.raises(ZeroDivisionError), built(TREE) as network:
        network.name_server("left", "11.0.53.53")
        program = subprocess.Popen(network.command("left", ["sleep", "60"]))
        raise ZeroDivisionError
    assert program.wait(5) != 0
    assert not net.leftovers()
    assert not list(net._SETTINGS.glob(f"{PREFIX}*"))


CRASH = """
import time
from lab.net import Node, built
with built([Node("core", gateways=("11.0.0.1",)), Node("left", "core", ("11.0.1.2",))]):
    print("up", flush=True)
    time.sleep(60)
"""


def crash(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", CRASH], stdout=subprocess.PIPE, env=programs.environment()) as lab:
        assert lab.stdout is not None
        assert lab.stdout.readline() == b"up\n"
        os.kill(lab.pid, number)


def test_a_killed_lab_leaves_what_the_next_one_takes_away(small_network: None) -> None:
    crash(signal.SIGKILL)
    assert f"{PREFIX}left" in net.leftovers()
    with built(TREE) as network:
        assert reaches(network, "left", "11.0.3.2")
    assert not net.leftovers()


def test_ctrl_c_takes_everything_away(small_network: None) -> None:
    crash(signal.SIGINT)
    assert not net.leftovers()


def test_two_labs_at_a_time_are_one_too_many(small_network: None) -> None:
    with built([ROOT]), pytest.raises(LabError, match="another lab is running"), built([ROOT]):
        pass


@pytest.mark.parametrize(
    ("nodes", "complaint"),
    [
        ([ROOT, Node("left", "nobody", ("11.0.1.2",))], "hangs on nobody"),
        ([ROOT, ROOT], "described twice"),
        ([Node("a-very-long-name")], "1 to 12 characters"),
        ([ROOT, Node("left", "core", ("11.0.1.2",)), Node("below", "left", ("11.0.1.3",))], "no router"),
    ],
)
def test_a_description_that_is_no_tree_is_refused(nodes: list[Node], complaint: str) -> None:
    with pytest.raises(LabError, match=complaint), built(nodes):
        pass


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab import machine

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "root" in machine.why_not()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda tool: None if tool == "nft" else f"/usr/sbin/{tool}")
    assert "nftables" in machine.why_not()
    assert "\n" not in machine.why_not()


def test_programs_of_a_crashed_lab_are_ended(small_network: None) -> None:
    with built(TREE) as network:
        # without the parent's death signal, as a program that has run away
        stray = subprocess.Popen(["ip", "netns", "exec", network.nodes["left"].namespace, "sleep", "60"])
        deadline = time.monotonic() + 5
        while not net._programs(network.nodes["left"].namespace) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stray.wait(5) != 0
