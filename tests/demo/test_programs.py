"""Subprocesses: their events, their errors, and their end."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from freespan.demo.errors import DemoError
from freespan.demo.programs import running


def script(source: str) -> Callable[[Sequence[str]], list[str]]:
    """Have `running("name")` run a few lines of Python instead of the real program."""
    return lambda arguments: [sys.executable, "-c", source, *arguments]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


WAITS = "import time; time.sleep(60)"


async def test_events_come_in_order_and_other_lines_do_no_harm() -> None:
    source = script(f"""
print('noise'); print('[1]'); print('{{"event":"ready","n":1}}')
print('{{"state":"open"}}', flush=True)
{WAITS}""")
    async with running("serve", command=source) as program:
        ready = await program.event(lambda event: event.get("event") == "ready", 20)
        assert ready["n"] == 1
        await program.event(lambda event: event.get("state") == "open", 20)
        assert program.last == {"state": "open"}
    assert program.ended
    assert not is_running(program.pid)


async def test_a_program_that_ends_is_reported_with_its_last_output() -> None:
    source = script("import sys; print('port 1: in use', file=sys.stderr); sys.exit(3)")
    async with running("serve", command=source) as program:
        with pytest.raises(DemoError, match="freespan serve ended with code 3: port 1: in use"):
            await program.event(lambda event: True, 20)


async def test_waiting_for_a_silent_program_has_a_time_limit() -> None:
    source = script(WAITS)
    async with running("connect", command=source) as program:
        with pytest.raises(DemoError, match=r"freespan connect: no session within 0\.1 s"):
            await program.event(lambda event: True, 0.1, "session")


async def test_a_line_that_is_too_long_is_left_out() -> None:
    source = script(f"""print('x' * 100_000); print('{{"event":"ready"}}', flush=True); {WAITS}""")
    async with running("serve", command=source, line_max=1000) as program:
        await program.event(lambda event: event.get("event") == "ready", 20)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
async def test_a_program_that_ignores_signals_is_killed_with_its_children() -> None:
    source = script(f"""
import json, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", {WAITS!r}])
print(json.dumps({{"event": "ready", "child": child.pid}}), flush=True)
{WAITS}""")
    async with running("serve", command=source, stop_seconds=0.2) as program:
        ready = await program.event(lambda event: True, 20)
    assert not is_running(program.pid)
    async with asyncio.timeout(10):
        while _is_alive(ready["child"]):
            await asyncio.sleep(0.01)


def _is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False if Path("/proc").is_dir() else is_running(pid)
