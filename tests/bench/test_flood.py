"""The attacks of `python -m bench flood` reach a host, stop by themselves, and yield their figures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from aioquic._buffer import Buffer

from bench.figures import Figures
from bench.flood import frames
from bench.flood.attacks import ATTACKS, LOSES_BRIDGE
from bench.flood.raw_socket import source
from bench.report import write
from bench.targets import verdicts

ROOT = Path(__file__).parents[2]


def test_one_attack_yields_its_figures(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench", "flood", "--quick", "--attack", "limits", "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(output.read_text())
    assert {"flood_limits_page_ratio", "flood_limits_broken", "loop_block_max_ms"} <= set(results)
    assert results["flood_limits_page_ratio"] > 0
    assert results["parts"]["flood_limits_page_ratio"]["attacker_sent"] > 100
    assert done.stdout.startswith("limits ")


def test_the_attackers_have_different_addresses_on_loopback() -> None:
    found = [source(number) for number in range(60_000)]
    assert len(set(found)) == len(found)
    assert all(address.startswith("127.") and int(address.rpartition(".")[2]) < 255 for address in found)
    assert len({address.rpartition(".")[0] for address in found[:20_000]}) == 20_000


@pytest.mark.parametrize("value", [0, 63, 64, 16_383, 16_384, 2**30 - 1, 2**30, 2**62 - 1])
def test_numbers_are_written_as_quic_reads_them(value: int) -> None:
    assert Buffer(data=frames.varint(value)).pull_uint_var() == value


def test_a_number_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match=str(2**62)):
        frames.varint(2**62)


def test_payloads_fill_datagrams_and_hold_every_frame() -> None:
    found = list(frames.payloads(frames.fragments()))
    assert all(len(payload) <= frames.PAYLOAD_MAX for payload, _ in found)
    assert all(len(payload) > frames.PAYLOAD_MAX - 16 for payload, _ in found[:-1])
    assert sum(count for _, count in found) == len(list(frames.fragments()))


def test_the_far_offsets_fit_into_the_windows_of_one_packet() -> None:
    payload = b"".join(frames.far_offsets())
    assert len(payload) < 2_000


def test_readers_lose_their_bridge_in_attacks_that_exist() -> None:
    assert set(ATTACKS) > LOSES_BRIDGE


def test_attacks_are_judged() -> None:
    values = {"flood_pings_page_ratio": 2.1, "flood_pings_broken": 0, "loop_block_max_ms": 50.0}
    assert {one.name: one.met for one in verdicts({**values})} == {
        "flood_pings_page_ratio": False,
        "flood_pings_broken": True,
        "loop_block_max_ms": True,
    }


def test_figures_that_were_not_measured_again_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    first, second = Figures(), Figures()
    first.median("old", [1.0, 2.0, 3.0])
    first.number("both", 1)
    second.number("both", 2)
    write(path, first, {"cores": 1})
    write(path, second, {"cores": 2})
    assert json.loads(path.read_text()) == {
        "old": 2.0,
        "both": 2,
        "n": {"old": 3},
        "parts": {},
        "samples": {"old": [1.0, 2.0, 3.0]},
        "machine": {"cores": 2},
    }


@pytest.mark.skipif(sys.platform != "linux", reason="it watches epoll")
def test_the_longest_callback_is_found_by_name() -> None:
    program = """
import asyncio
from bench.flood.watched_host import Watch

def spin() -> None:
    for _ in range(3_000_000):
        pass

async def main() -> None:
    asyncio.get_running_loop().call_soon(spin)
    await asyncio.sleep(0.01)

watch = Watch()
watch.install()
asyncio.run(main())
print(watch.where, watch.block > 0.001, watch.turn >= watch.block)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["spin", "True", "True"]
