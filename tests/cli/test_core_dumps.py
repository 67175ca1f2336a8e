"""A crash writes no memory down."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LIMITS = """
import asyncio, resource
from freespan.cli.running import run_until_stopped

resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.getrlimit(resource.RLIMIT_CORE)[1]))

async def command():
    print(resource.getrlimit(resource.RLIMIT_CORE)[0])

run_until_stopped(command(), verbose=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_program_that_crashes_leaves_no_copy_of_its_memory() -> None:
    """Keys, addresses and targets would be in it."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if most != resource.RLIM_INFINITY and most < 4096:
        pytest.skip("this system lets nobody have core dumps")
    found = subprocess.run([sys.executable, "-c", _LIMITS], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == "0\n"
