"""`freespan demo` as people run it: real programs, real browsers, and nothing left when it has ended."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from freespan.browsers import find_browsers

ONCE_SECONDS = 90
STOP_SECONDS = 15
MARK = "FREESPAN_TEST_MARK"

STEPS = [
    "host starts",
    "sites open",
    "direct access",
    "bridge joins",
    "session opens",
    "blocked page arrives",
    "speed",
]

KINDS = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(kind != "headless" and kind not in find_browsers(), reason=f"{kind} is not installed"),
    )
    for kind in ("headless", "chromium", "firefox")
]


class Runner:
    """Starts `freespan demo` with a temporary folder, and a mark in the environment that children inherit."""

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self._mark = uuid4().hex

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "freespan", "demo", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "TMPDIR": str(self._temporary), MARK: self._mark},
        )

    def left_running(self) -> list[str]:
        """Command lines of processes that still carry the mark; only Linux tells."""
        entry = f"{MARK}={self._mark}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if entry in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
        return found

    def left_behind(self) -> list[str]:
        return [path.name for path in self._temporary.iterdir() if path.name.startswith("freespan")]


@pytest.fixture
def runner() -> Iterator[Runner]:
    # Not tmp_path: browsers put sockets there, whose paths must be short.
    temporary = Path(tempfile.mkdtemp(prefix="fs-"))
    yield Runner(temporary)
    shutil.rmtree(temporary, ignore_errors=True)


@pytest.mark.timeout(ONCE_SECONDS + 30)
@pytest.mark.parametrize("kind", KINDS)
def test_every_step_holds(kind: str, runner: Runner) -> None:
    demo = runner.start("--once", "--json", "--bridge", kind)
    try:
        out, err = demo.communicate(timeout=ONCE_SECONDS)
    finally:
        demo.kill()
    said = json.loads(out)
    assert [(step["name"], step["ok"]) for step in said["steps"]] == [(name, True) for name in STEPS], said
    assert demo.returncode == 0
    assert err == ""
    assert all(step["seconds"] >= 0 for step in said["steps"])
    assert (said["direct"], said["bridge"], said["sha256_ok"]) == ("blocked", kind, True)
    assert said["bytes"] > 32 * 1024 * 1024
    assert 0 < said["first_byte_s"] < 20
    assert said["mb_per_s"] > 0
    assert runner.left_running() == []
    assert runner.left_behind() == []


@pytest.mark.timeout(ONCE_SECONDS + STOP_SECONDS + 30)
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("kind", "number"),
    [(KINDS[0].values[0], signal.SIGTERM), pytest.param("auto", signal.SIGINT, id="auto-SIGINT")],
)
def test_stays_until_a_signal_and_leaves_nothing(kind: str, number: signal.Signals, runner: Runner) -> None:
    demo = runner.start("--json", *([] if kind == "auto" else ["--bridge", kind]))
    try:
        assert demo.stdout is not None
        said: dict[str, Any] = json.loads(demo.stdout.readline())
        addresses = said["addresses"]
        assert read_through(addresses["proxy"], addresses["blocked"] + "small").startswith(b"This is blocked.test")
        with urllib.request.urlopen(addresses["news"], timeout=10) as page:
            assert b"<freespan-switch>" in page.read()
        demo.send_signal(number)
        out, err = demo.communicate(timeout=STOP_SECONDS)
    finally:
        demo.kill()
        demo.communicate()
    assert (demo.returncode, out, err) == (0, "", "")
    assert [name for name in ("host", "news", "proxy", "blocked", "censor") if listens(addresses[name])] == []
    assert runner.left_running() == []
    assert runner.left_behind() == []


def test_says_what_it_does_not_know(runner: Runner) -> None:
    demo = runner.start("--once", "--bridge", "netscape")
    _out, err = demo.communicate(timeout=30)
    assert demo.returncode == 2
    assert "netscape" in err
    assert "Traceback" not in err


def read_through(proxy: str, url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://{proxy}"}))
    with opener.open(url, timeout=20) as answer:
        return bytes(answer.read())


def listens(address: str) -> bool:
    port = urlsplit(address if "//" in address else f"//{address}").port
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
