"""A few scenarios from end to end, with the real programs; and the words that `python -m lab` understands."""

import subprocess
import sys

import pytest

from lab import net, programs, scenarios
from lab.scenarios import QUICK, SCENARIOS

WORKS = {"sni": True, "dns": True, "udp": False}
"""Whether freespan gets through; false has its line in docs/lab.md."""


@pytest.mark.parametrize("name", QUICK)
async def test_scenario(real_network: None, name: str) -> None:
    result = await scenarios.run(SCENARIOS[name])
    assert result.direct == "blocked"
    assert (result.freespan == "ok") is WORKS[name], result.freespan
    if WORKS[name]:
        assert result.mb_s is not None
        assert result.first_byte_s is not None
    assert not net.leftovers()


def lab(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=programs.environment())


@pytest.mark.parametrize("words", [["nowhere"], ["sni", "nowhere"], ["nat-matrix", "nowhere"]])
def test_an_unknown_word_is_one_line_and_exit_code_2(words: list[str]) -> None:
    done = lab(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "nowhere" in done.stderr


def test_list_names_every_scenario() -> None:
    assert [line.split()[0] for line in lab("list").stdout.splitlines()] == list(SCENARIOS)
