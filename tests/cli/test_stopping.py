"""A command ends after a signal, even if its loop is stuck or its cleaning up never ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import IO

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
SECONDS = 30.0
BLOCKED = "while True: pass"
UNWILLING = """
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
"""
WITH_A_STUCK_THREAD = """
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 300)
    await asyncio.sleep(60)
"""
WILLING = "await asyncio.sleep(60)"


def started(body: str, stop_seconds: str) -> subprocess.Popen[str]:
    """A command that has begun; only once a part of it runs may it be signalled."""
    program = f"""
import asyncio, time
from freespan.cli.running import run_until_stopped
from freespan.terminal.output import print_line

async def main():
    asyncio.get_running_loop().call_later(0.01, print_line, "ready")
    await asyncio.sleep(0.05)
    {body.strip()}

run_until_stopped(main(), verbose=False, stop_seconds={stop_seconds})
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "body", [BLOCKED, UNWILLING, WITH_A_STUCK_THREAD], ids=["blocked", "unwilling", "with a stuck thread"]
)
def test_one_with_a_limit_ends_whatever_it_does(body: str, number: signal.Signals) -> None:
    with started(body, "0.2") as process:
        process.send_signal(number)
        assert process.wait(SECONDS) == 0


@pytest.mark.parametrize("stop_seconds", ["None", "20.0"])
def test_one_that_cleans_up_ends_at_once(stop_seconds: str) -> None:
    with started(WILLING, stop_seconds) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0


def test_a_second_signal_ends_one_without_a_limit() -> None:
    with started(UNWILLING, "None") as process:
        process.send_signal(signal.SIGTERM)
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.returncode == -signal.SIGTERM


def test_whoever_goes_on_after_a_command_is_not_ended() -> None:
    """The limit is that of the command alone."""
    program = """
import asyncio, os, signal, time
from freespan.cli.running import run_until_stopped

async def main():
    asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), signal.SIGTERM)
    await asyncio.sleep(60)

run_until_stopped(main(), verbose=False, stop_seconds=0.2)
time.sleep(0.5)
raise SystemExit(7)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=SECONDS, check=False).returncode == 7


RELOADING = """
import asyncio
from freespan.cli.running import run_until_stopped
from freespan.terminal.output import print_line
from freespan.cli.stopping import on_hangup

async def main():
    on_hangup(lambda: print_line("reloaded"))
    print_line("ready")
    await asyncio.sleep(60)

run_until_stopped(main(), verbose=False, stop_seconds=1.0)
"""


AT_A_TERMINAL = "import fcntl, termios\nfcntl.ioctl(0, termios.TIOCSCTTY, 0)\n" + RELOADING


def test_a_hangup_reloads_and_the_end_of_the_terminal_ends_the_command() -> None:
    import pty  # POSIX

    ours, its = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as output:
        program = [sys.executable, "-c", AT_A_TERMINAL]
        command = subprocess.Popen(program, stdin=its, stdout=its, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(its)
        assert until(output, b"ready")
        command.send_signal(signal.SIGHUP)
        assert until(output, b"reloaded")
    assert command.wait(SECONDS) == 0


def until(output: IO[bytes], wanted: bytes) -> bool:
    seen = b""
    while wanted not in seen and (data := output.read(1_000)):
        seen += data
    return wanted in seen


def test_without_a_terminal_a_hangup_never_ends_the_command() -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", RELOADING], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "ready\n"
    for _ in range(2):
        command.send_signal(signal.SIGHUP)
        assert command.stdout.readline() == "reloaded\n"
    command.terminate()
    assert command.wait(SECONDS) == 0
    command.stdout.close()
