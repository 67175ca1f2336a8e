"""Fixtures that skip tests where the machine cannot build networks; long tests run on demand (`make lab-test`).

Tests are skipped in a hook and not in the fixtures, so that each reason is one line of the summary, however many tests
it concerns.
"""

import functools
import os

import pytest

from lab import machine, namespaces, turn


@pytest.fixture
def small_network() -> None:
    """For a test that builds networks and is run each time."""


@pytest.fixture
def real_network() -> None:
    """For a test that builds networks and is run on demand."""


@pytest.fixture
def turn_server() -> None:
    """For a test that runs coturn."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skip tests that cannot run here, or were not asked for."""
    asked = {"small_network", "real_network", "turn_server"}.intersection(item.fixturenames)
    if "real_network" in asked and not os.environ.get("FREESPAN_LAB"):
        pytest.skip("the lab's longer tests: make lab-test")
    if asked and (reason := _why_no_network()):
        pytest.skip(f"no networks of namespaces here: {reason}")
    if "turn_server" in asked and not turn.is_installed():
        pytest.skip("coturn is not installed: scripts/install-lab.sh")


@functools.cache
def _why_no_network() -> str:
    missing = machine.missing_requirement()
    return missing or ("another lab is running on this machine" if namespaces.is_running() else "")
