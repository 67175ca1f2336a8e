"""The lab's tests build real networks; where that cannot be, they are skipped with one line that says why."""

import functools

import pytest

from lab import machine, net


@functools.cache
def reason() -> str:
    why_not = machine.why_not()
    return why_not or ("another lab is running on this machine" if net.is_running() else "")


@pytest.fixture
def real_network() -> None:
    """Ask for it to build networks."""
    if reason():
        pytest.skip(reason())
