"""Bridges that are killed."""

import asyncio
import os
from pathlib import Path

import pytest

from bench.killable_bridges import killable_bridge
from bench.programs import host
from freespan.browsers import find_browsers


async def test_a_killed_browser_leaves_no_process() -> None:
    if "chromium" not in find_browsers():
        pytest.skip("no Chromium here: scripts/install-browsers.sh")
    async with host() as served:
        others = _descendants(os.getpid())
        async with killable_bridge("chromium", served.url) as kill:
            killed = _descendants(os.getpid()) - others
            kill()
            assert len(killed) > 1
            async with asyncio.timeout(5):
                while any(_is_alive(pid) for pid in killed):
                    await asyncio.sleep(0.02)


def _descendants(pid: int) -> set[int]:
    """Process ids of all that a process has started, and what these have."""
    children = [
        int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
    ]
    return set(children).union(*map(_descendants, children))


def _is_alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
