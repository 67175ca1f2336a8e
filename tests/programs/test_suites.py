"""The suites of client libraries, as their authors wrote them: what passes directly passes through the proxy."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.programs.path import LocalProxy
from tests.programs.run import PROGRAMS, PYTHON

_SUITES = {
    "urllib3": ["test/with_dummyserver/test_proxy_poolmanager.py"],
    "requests": ["tests/test_requests.py", "tests/test_lowlevel.py"],
    "httpx": ["tests/client", "tests/test_api.py", "tests/test_timeouts.py"],
}
_EXCEPTIONS = Path(__file__).with_name("suite-exceptions.toml")
_SECONDS = 400.0


@pytest.mark.parametrize(
    ("suite", "way"),
    # urllib3's tests of proxies are of HTTP proxies, those of SOCKS have servers of their own
    [("urllib3", "http"), ("requests", "http"), ("requests", "socks5"), ("httpx", "http"), ("httpx", "socks5")],
)
@pytest.mark.timeout(2 * _SECONDS)
def test_suite_passes_as_without_the_proxy(local_proxy: LocalProxy, tmp_path: Path, suite: str, way: str) -> None:
    if not (PROGRAMS / "suites" / suite).exists():
        pytest.skip(f"the tests of {suite} cannot be had here: see what scripts/install-programs.sh says")
    direct = _outcomes(suite, "", tmp_path / "direct")
    # httpx has no `socks5h`: its `socks5` leaves names to the proxy
    proxy = local_proxy.url(way).replace("socks5h", "socks5" if suite == "httpx" else "socks5h")
    through = _outcomes(suite, proxy, tmp_path / "through")
    worse = {name for name, outcome in direct.items() if outcome == "passed" != through.get(name)}
    excepted = tuple(
        name for exception in tomllib.loads(_EXCEPTIONS.read_text()).get(suite, []) for name in exception["tests"]
    )
    assert not {name for name in worse if not name.startswith(excepted)}
    assert sum(outcome == "passed" for outcome in through.values()) > 40


def _outcomes(suite: str, proxy: str, file: Path) -> dict[str, str]:
    """How each test of a suite ended."""
    settings = {"SUITE": suite, "SUITE_PROXY": proxy, "SUITE_OUTCOMES": str(file)}
    settings["PYTHONPATH"] = f"{Path(__file__).with_name('clients')}{os.pathsep}."
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "FREESPAN"))}
    pytest_ = [str(PYTHON), "-m", "pytest", "-q", "-p", "suite_plugin", "-p", "no:cacheprovider", "--timeout", "60"]
    # some of their tests fail without any proxy as well
    subprocess.run(
        [*pytest_, *_SUITES[suite]],
        cwd=PROGRAMS / "suites" / suite,
        env={**kept, **settings},
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    outcomes: dict[str, str] = json.loads(file.read_text())
    return outcomes
