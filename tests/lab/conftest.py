"""The lab's tests build real networks where root and the kernel allow it; the long ones on demand (`make lab-test`).

A test asks by the name of a fixture. It is skipped in a hook, not in the fixture: so each reason is one line of the
summary, however many tests it concerns.
"""

import functools
import os

import pytest

from lab import machine, net, turn


@pytest.fixture
def small_network() -> None:
    """Ask for it to build networks, in a test that is worth its seconds in every run."""


@pytest.fixture
def real_network() -> None:
    """Ask for it to build networks, in a test of the long list."""


@pytest.fixture
def relay() -> None:
    """Ask for it to run coturn."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skip what cannot be, or was not asked for."""
    asked = {"small_network", "real_network", "relay"}.intersection(item.fixturenames)
    if "real_network" in asked and not os.environ.get("FREESPAN_LAB"):
        pytest.skip("the lab's longer tests: make lab-test")
    if asked and (reason := _why_no_network()):
        pytest.skip(f"no networks of namespaces here: {reason}")
    if "relay" in asked and not turn.is_installed():
        pytest.skip("coturn is not installed: scripts/install-lab.sh")


@functools.cache
def _why_no_network() -> str:
    why_not = machine.why_not()
    return why_not or ("another lab is running on this machine" if net.is_running() else "")
