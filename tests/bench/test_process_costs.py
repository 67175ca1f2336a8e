"""CPU time and memory of processes, and their roles."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process_costs import family_of, memory_mb_of_family, role_of, seconds_of_family


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["/usr/bin/chromium", "--headless"], "browser"),
        (["chromium", "--type=renderer", "--lang=en"], "renderer"),
        (["chromium", "--type=utility", "--utility-sub-type=network.mojom.NetworkService"], "network"),
        (["firefox-esr", "--headless", "--profile", "/tmp/p"], "browser"),
        (["firefox-esr", "-contentproc", "-childID", "3", "tab"], "tab"),
        ([], "browser"),
    ],
)
def test_processes_have_roles(command: list[str], role: str) -> None:
    assert role_of(command) == role


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells")
def test_all_descendants_are_counted_also_those_that_have_ended() -> None:
    before = sum(seconds_of_family(os.getpid()).values())
    busy = [sys.executable, "-c", "import time\nwhile time.process_time() < 0.1: pass\ninput()"]
    with subprocess.Popen(busy, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= family_of(os.getpid())
        alone, both = memory_mb_of_family(child.pid), memory_mb_of_family(os.getpid())
        assert alone is not None
        assert both is not None
        assert 0 < alone < both
        child.communicate(b"\n", timeout=20)
    assert child.pid not in family_of(os.getpid())
    assert sum(seconds_of_family(os.getpid()).values()) - before > 0.05
