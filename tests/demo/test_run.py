"""The demo's own conduct, with stand-ins for the programs; `tests/e2e/test_demo.py` has the real ones."""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from freespan.demo import programs, run
from freespan.demo import volunteer as volunteer_module
from freespan.demo.run import run_demo
from freespan.demo.steps import Step

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

STEPS = [
    "host starts",
    "sites open",
    "direct access",
    "bridge joins",
    "session opens",
    "blocked page arrives",
    "speed",
]


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Put stand-ins in the place of the programs; the keywords say what goes wrong in which."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def command(arguments: Sequence[str]) -> list[str]:
        return [sys.executable, str(Path(__file__).with_name("stand_in.py")), *arguments]

    monkeypatch.setattr(programs, "command", command)

    def use(**troubles: str) -> None:
        monkeypatch.setenv("FREESPAN_STAND_IN", json.dumps(troubles))
        monkeypatch.setenv("FREESPAN_STAND_IN_DIES", str(tmp_path / "die"))

    use()
    return use


def play_once(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run_demo(once=True, as_json=True, bridge="headless")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    return code, json.loads(out)


def nothing_left() -> bool:
    return not list(Path(tempfile.gettempdir()).iterdir())


def test_every_step_holds(trouble, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = play_once(capsys)
    assert code == 0
    assert [(step["name"], step["ok"]) for step in said["steps"]] == [(name, True) for name in STEPS]
    assert (said["direct"], said["bridge"], said["sha256_ok"]) == ("blocked", "headless", True)
    assert said["bytes"] > 32 * 1024 * 1024
    assert said["first_byte_s"] > 0
    assert said["mb_per_s"] > 0
    assert nothing_left()


@pytest.mark.parametrize(
    ("troubles", "step", "detail"),
    [
        ({"serve": "exit"}, "host starts", "freespan serve ended with code 1: port 8787 is in use"),
        ({"bridge": "never waits"}, "bridge joins", "no bridge that waits within"),
        ({"connect": "no session"}, "session opens", "ended with code 1: no bridge is there"),
        ({"connect": "refuses"}, "blocked page arrives", "the local proxy said 403 Forbidden"),
        ({"connect": "breaks off"}, "speed", "broke off after"),
    ],
    ids=STEPS[:1] + STEPS[3:],
)
def test_a_step_that_fails_is_told_and_everything_ends(
    trouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, troubles, step, detail
) -> None:
    monkeypatch.setattr(volunteer_module, "JOIN_SECONDS", 2.0)
    trouble(**troubles)
    code, said = play_once(capsys)
    assert code == 1
    assert said["steps"][-1]["name"] == step
    assert [one["ok"] for one in said["steps"]] == [True] * (len(said["steps"]) - 1) + [False]
    assert detail in said["steps"][-1]["detail"]
    assert "\n" not in said["steps"][-1]["detail"]
    assert nothing_left()


def test_other_bytes_than_the_site_sent_are_noticed(
    trouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "sha256_of", lambda _size: "0" * 64)
    code, said = play_once(capsys)
    assert code == 1
    assert not said["sha256_ok"]
    assert said["steps"][-1]["name"] == "speed"


def test_an_open_road_is_no_demo(trouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.Censor, "forbids", lambda _censor, _name: False)
    code, said = play_once(capsys)
    assert (code, said["direct"], said["steps"][-1]["name"]) == (1, "open", "direct access")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stays_until_a_signal(
    trouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    in_place_of(monkeypatch, "counters", lambda: os.kill(os.getpid(), number))
    assert run_demo(once=False, as_json=False, bridge="headless") == 0
    out, _err = capsys.readouterr()
    assert "curl -x http://127.0.0.1:" in out
    assert out.rstrip().endswith("Thank you for looking.")
    assert nothing_left()


def test_a_signal_in_the_middle_ends_it_as_well(
    trouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble(bridge="never waits")

    def step_begins(_show: run.Show, step: Step) -> None:
        if step.name == "bridge joins":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(run.Show, "step_begins", step_begins)
    code, said = play_once(capsys)
    assert code == run.EXIT_STOPPED
    assert said["steps"][-1] | {"seconds": 0} == {
        "name": "bridge joins",
        "seconds": 0,
        "ok": False,
        "detail": "stopped",
    }
    assert nothing_left()


def test_a_program_that_dies_while_the_demo_stays_ends_it(
    trouble, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trouble(serve="dies later")
    in_place_of(monkeypatch, "counters", (tmp_path / "die").touch)
    assert run_demo(once=False, as_json=False, bridge="headless") == 1
    out, _err = capsys.readouterr()
    assert "the disk is full" in out
    assert nothing_left()


def in_place_of(monkeypatch: pytest.MonkeyPatch, method: str, act: Callable[[], None]) -> None:
    monkeypatch.setattr(run.Show, method, lambda *_arguments: act())
