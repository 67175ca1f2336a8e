"""The lab's tests build real networks: on demand (`make lab-test`), and only where that can be."""

import functools
import os

import pytest

from lab import machine, net


@functools.cache
def reason() -> str:
    if not os.environ.get("FREESPAN_LAB"):
        return "builds networks of namespaces: make lab-test"
    why_not = machine.why_not()
    return why_not or ("another lab is running on this machine" if net.is_running() else "")


@pytest.fixture
def real_network() -> None:
    """Ask for it to build networks."""
    if reason():
        pytest.skip(reason())
