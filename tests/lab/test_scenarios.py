"""Scenarios from end to end, with the real programs; and the words that `python -m lab` understands."""

import subprocess
import sys

import pytest

from lab import net, programs, scenarios
from lab.scenarios import QUICK, SCENARIOS, Scenario

LONG = [name for name, each in SCENARIOS.items() if name not in QUICK and not each.layout.services.relays]
RELAYED = [name for name, each in SCENARIOS.items() if each.layout.services.relays]


async def check(scenario: Scenario) -> None:
    """Direct access is as the censor has it, and freespan gets through on the road that is meant for this."""
    result = await scenarios.run(scenario)
    assert result.direct == scenario.direct
    assert result.freespan == "ok"
    assert result.road == scenario.road
    assert result.mb_s is not None
    assert result.first_byte_s is not None
    assert not net.leftovers()


@pytest.mark.parametrize("name", QUICK)
async def test_scenario(small_network: None, name: str) -> None:
    await check(SCENARIOS[name])


@pytest.mark.parametrize("name", LONG)
async def test_long_scenario(real_network: None, name: str) -> None:
    await check(SCENARIOS[name])


@pytest.mark.parametrize("name", RELAYED)
async def test_scenario_with_a_relay(real_network: None, relay: None, name: str) -> None:
    await check(SCENARIOS[name])


def lab(*words: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run `python -m lab`, perhaps without one of root's rights."""
    limits = ["setpriv", f"--bounding-set=-{without}", f"--inh-caps=-{without}"] if without else []
    command = [*limits, sys.executable, "-m", "lab", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=programs.environment())


@pytest.mark.parametrize("words", [["nowhere"], ["sni", "nowhere"], ["nat-matrix", "nowhere"]])
def test_an_unknown_word_is_one_line_and_exit_code_2(words: list[str]) -> None:
    done = lab(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "nowhere" in done.stderr


@pytest.mark.parametrize(("right", "word"), [("sys_admin", "namespaces"), ("net_admin", "veth")])
def test_root_who_may_not_is_told_in_one_line(small_network: None, right: str, word: str) -> None:
    done = lab("sni", without=right)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert word in done.stderr


def test_list_names_every_scenario() -> None:
    assert [line.split()[0] for line in lab("list").stdout.splitlines()] == list(SCENARIOS)
