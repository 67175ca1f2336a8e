"""Programs inside a node: the product's and the lab's own, as subprocesses that speak in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freespan.demo.programs import LINE_MAX, Program

if TYPE_CHECKING:
    from lab.net import Network

ROOT = Path(__file__).parent.parent


def python(module: str) -> list[str]:
    """Return the command line for `python -m MODULE` with this very Python."""
    return [sys.executable, "-m", module]


def environment(**more: str) -> dict[str, str]:
    """The environment of every program of the lab: finds the lab and freespan, speaks line by line."""
    path = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **more}


@contextlib.asynccontextmanager
async def running(
    network: Network, node: str, name: str, arguments: Sequence[str], env: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run a program inside a node for the length of the block; `name` is what people read."""
    process = await asyncio.create_subprocess_exec(
        *network.command(node, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_MAX,
        env=environment(**(env or {})),
        start_new_session=True,
    )
    program = Program(name, process)
    try:
        yield program
    finally:
        await program.stop()


def freespan(*arguments: str) -> list[str]:
    """Return the command line for `freespan ARGUMENTS`."""
    return [*python("freespan"), *arguments]
