"""Scenarios from end to end with the real programs, and the command line of the lab."""

import subprocess
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from lab import namespaces, scenario, studies
from lab.commands import environment
from lab.scenario import Scenario
from lab.scenarios import QUICK, SCENARIOS
from lab.wan import Conditions, Hop

LONG = [name for name, each in SCENARIOS.items() if name not in QUICK and not each.layout.services.turn]
WITH_TURN = [name for name, each in SCENARIOS.items() if each.layout.services.turn]


async def check(expected: Scenario) -> None:
    """Direct access is what the censor allows, and freespan gets through by the expected transport."""
    result = await scenario.run(expected)
    assert result.direct == expected.direct
    assert result.freespan == "ok"
    assert result.transport == expected.transport
    assert result.mb_s is not None
    assert result.first_byte_s is not None
    assert not namespaces.leftovers()


@pytest.mark.parametrize("name", QUICK)
async def test_scenario(small_network: None, name: str) -> None:
    await check(SCENARIOS[name])


@pytest.mark.parametrize("name", LONG)
async def test_long_scenario(real_network: None, name: str) -> None:
    await check(SCENARIOS[name])


@pytest.mark.parametrize("name", WITH_TURN)
async def test_scenario_with_a_turn_server(real_network: None, turn_server: None, name: str) -> None:
    await check(SCENARIOS[name])


async def test_a_study_of_a_lossy_path(small_network: None) -> None:
    brief = replace(
        SCENARIOS["lossy"],
        layout=replace(
            SCENARIOS["lossy"].layout, program="headless", reader_hop=Hop.both(Conditions(10, loss=0.01, mb_s=2.5))
        ),
        study=partial(studies.lossy, seconds=2.0, ramp_seconds=1.5),
    )
    row: dict[str, Any] = (await scenario.run(brief)).as_json()
    assert row["mb_s"] == pytest.approx(row["lossy_ratio"] * row["link_mb_s"], abs=0.002)
    assert 0 < row["one_lane_mb_s"] <= row["link_mb_s"]
    assert 0 < row["tcp_ratio"] <= 1


async def test_a_study_of_latency_under_load(real_network: None) -> None:
    brief = replace(
        SCENARIOS["under-load"],
        layout=replace(SCENARIOS["under-load"].layout, program="headless"),
        study=partial(studies.under_load, seconds=6.0),
    )
    row: dict[str, Any] = (await scenario.run(brief)).as_json()
    assert row["loaded_n"] >= 1
    assert 0.3 < row["idle_s"] <= row["loaded_worst_s"]  # four round trips of 100 ms at least, less the first
    assert row["latency_under_load"] > 0


def lab(*arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m lab`, perhaps without one of root's capabilities."""
    limits = ["setpriv", f"--bounding-set=-{without}", f"--inh-caps=-{without}"] if without else []
    command = [*limits, sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment())


@pytest.mark.parametrize("arguments", [["nowhere"], ["sni", "nowhere"], ["nat-matrix", "nowhere"]])
def test_an_unknown_argument_is_one_line_and_exit_code_2(arguments: list[str]) -> None:
    done = lab(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "nowhere" in done.stderr


@pytest.mark.parametrize(("capability", "word"), [("sys_admin", "namespaces"), ("net_admin", "veth")])
def test_a_missing_capability_is_reported_in_one_line(small_network: None, capability: str, word: str) -> None:
    done = lab("sni", without=capability)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert word in done.stderr


def test_list_names_every_scenario() -> None:
    assert [line.split()[0] for line in lab("list").stdout.splitlines()] == list(SCENARIOS)
