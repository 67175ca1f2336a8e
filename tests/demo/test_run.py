"""The demo with stand-ins for the other programs; `tests/e2e/test_demo.py` uses the real ones."""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from freespan.demo import walkthrough
from freespan.demo.censor import Censor
from freespan.demo.display import Display
from freespan.demo.run import EXIT_STOPPED, run_demo
from freespan.demo.settings import DemoSettings
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


def stand_in(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("stand_in.py")), *arguments]


SETTINGS = DemoSettings(command=stand_in, join_seconds=2.0)
SetFaults = Callable[..., None]


@pytest.fixture
def set_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SetFaults:
    """Set what goes wrong in which stand-in, by its command; at first nothing does."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def use(**faults: str) -> None:
        monkeypatch.setenv("FREESPAN_STAND_IN", json.dumps(faults))
        monkeypatch.setenv("FREESPAN_STAND_IN_DIES", str(tmp_path / "die"))

    use()
    return use


def run_once(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Run all steps; returns the exit code and the JSON report."""
    code = run_demo(once=True, as_json=True, bridge="headless", settings=SETTINGS)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    return code, json.loads(out)


def stay_up() -> int:
    return run_demo(once=False, as_json=False, bridge="headless", settings=SETTINGS)


def nothing_left() -> bool:
    return not list(Path(tempfile.gettempdir()).iterdir())


def test_every_step_succeeds(set_faults: SetFaults, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = run_once(capsys)
    assert code == 0
    assert [(step["name"], step["ok"]) for step in report["steps"]] == [(name, True) for name in STEPS]
    assert (report["direct"], report["bridge"], report["sha256_ok"]) == ("blocked", "headless", True)
    assert report["bytes"] > 32 * 1024 * 1024
    assert report["first_byte_s"] > 0
    assert report["mb_per_s"] > 0
    assert nothing_left()


@pytest.mark.parametrize(
    ("faults", "step", "detail"),
    [
        ({"serve": "exit"}, "host starts", "freespan serve ended with code 1: port 8787 is in use"),
        ({"bridge": "never waits"}, "bridge joins", "no bridge that waits within"),
        ({"connect": "no session"}, "session opens", "ended with code 1: no bridge is there"),
        ({"connect": "refuses"}, "blocked page arrives", "the local proxy answered 403 Forbidden"),
        ({"connect": "breaks off"}, "speed", "broke off after"),
    ],
    ids=STEPS[:1] + STEPS[3:],
)
def test_a_step_that_fails_is_reported_and_everything_ends(
    set_faults: SetFaults,
    capsys: pytest.CaptureFixture[str],
    faults: dict[str, str],
    step: str,
    detail: str,
) -> None:
    set_faults(**faults)
    code, report = run_once(capsys)
    assert code == 1
    assert report["steps"][-1]["name"] == step
    assert [one["ok"] for one in report["steps"]] == [True] * (len(report["steps"]) - 1) + [False]
    assert detail in report["steps"][-1]["detail"]
    assert "\n" not in report["steps"][-1]["detail"]
    assert nothing_left()


def test_bytes_that_differ_from_those_sent_are_noticed(
    set_faults: SetFaults, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkthrough, "sha256_of", lambda _size: "0" * 64)
    code, report = run_once(capsys)
    assert code == 1
    assert not report["sha256_ok"]
    assert report["steps"][-1]["name"] == "speed"


def test_direct_access_that_works_is_a_failure(
    set_faults: SetFaults, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Censor, "blocks", lambda _censor, _name: False)
    code, report = run_once(capsys)
    assert (code, report["direct"], report["steps"][-1]["name"]) == (1, "open", "direct access")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stays_until_a_signal(
    set_faults: SetFaults, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    replace_counters(monkeypatch, lambda: os.kill(os.getpid(), number))
    assert stay_up() == 0
    out, _err = capsys.readouterr()
    assert "curl -x http://127.0.0.1:" in out
    assert out.rstrip().endswith("Thank you for looking.")
    assert nothing_left()


def test_a_signal_in_the_middle_ends_it_as_well(
    set_faults: SetFaults, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_faults(bridge="never waits")

    def step_started(_display: Display, step: Step) -> None:
        if step.name == "bridge joins":
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Display, "step_started", step_started)
    code, report = run_once(capsys)
    assert code == EXIT_STOPPED
    assert report["steps"][-1] | {"seconds": 0} == {
        "name": "bridge joins",
        "seconds": 0,
        "ok": False,
        "detail": "stopped",
    }
    assert nothing_left()


def test_a_program_that_dies_while_the_demo_stays_ends_it(
    set_faults: SetFaults, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_faults(serve="dies later")
    replace_counters(monkeypatch, (tmp_path / "die").touch)
    assert stay_up() == 1
    out, _err = capsys.readouterr()
    assert "the disk is full" in out
    assert nothing_left()


def replace_counters(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something when the counters are shown for the first time."""
    monkeypatch.setattr(Display, "counters", lambda *_arguments: act())
