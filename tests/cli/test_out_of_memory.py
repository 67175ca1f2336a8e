"""A program that is out of memory ends with an exit code, wherever in it the memory was missing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import freespan
from freespan.cli.running import run_until_stopped
from freespan.observe.out_of_memory import EXIT_CODE, check_memory

PACKAGE = Path(freespan.__file__).parent

PROGRAM = """
import asyncio, resource, sys
from freespan.cli.running import run_until_stopped
from freespan.link.memory import memory_pair
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import QuicDriver

resource.setrlimit(resource.RLIMIT_AS, (2 * 10**9, 2 * 10**9))
kept = []


def use_all_memory(*_):
    kept.append(bytearray(10**10))


async def in_a_callback():
    asyncio.get_running_loop().call_soon(use_all_memory)


async def in_a_task():
    async def work():
        use_all_memory()

    asyncio.create_task(work(), name="work")


async def in_a_turn_of_a_session():
    link, _ = memory_pair()
    kept.append(driver := QuicDriver(link, use_all_memory, DrainWaiters(1)))
    driver.start()
    driver._flush = use_all_memory
    driver.flush_soon()


async def main():
    await globals()[sys.argv[1]]()
    await asyncio.sleep(30)


run_until_stopped(main(), verbose=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit for the memory of a process")
@pytest.mark.parametrize("where", ["in_a_callback", "in_a_task", "in_a_turn_of_a_session"])
def test_a_program_that_is_out_of_memory_ends_with_an_exit_code(where: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, where], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == EXIT_CODE, ended.stderr
    assert ended.stderr.startswith("freespan: out of memory")
    assert "Traceback" not in ended.stderr


def test_a_library_ends_nobody_elses_process() -> None:
    check_memory(MemoryError())
    check_memory(None)


def test_a_command_ends_it_no_more_once_the_command_has_ended() -> None:
    hook = sys.unraisablehook

    async def main() -> None:
        assert sys.unraisablehook is not hook

    run_until_stopped(main(), verbose=False)
    assert sys.unraisablehook is hook
    check_memory(MemoryError())


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether it catches any `Exception`, and does not raise it again."""
    is_wide = handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id == "Exception")
    return is_wide and not any(isinstance(node, ast.Raise) and node.exc is None for node in handler.body)


def looks_at_memory(handler: ast.ExceptHandler) -> bool:
    calls = [node for node in ast.walk(handler) if isinstance(node, ast.Call)]
    return any(isinstance(call.func, ast.Name | ast.Attribute) and _name(call.func) in _LOOKERS for call in calls)


def _name(function: ast.Name | ast.Attribute) -> str:
    return function.id if isinstance(function, ast.Name) else function.attr


_LOOKERS = {"check_memory", "_on_error"}


@pytest.mark.parametrize("room", ["api", "bridge", "broker", "cli", "client", "egress", "link", "tunnel", "web"])
def test_whoever_catches_everything_looks_whether_memory_was_missing(room: str) -> None:
    for file in sorted((PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and catches_everything(node):
                assert looks_at_memory(node), f"{file.name}, line {node.lineno}"
