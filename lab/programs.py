"""Programs inside a node: the product's and the lab's own, as subprocesses that speak in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freespan.demo.programs import LINE_MAX, Program
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.net import Network

ROOT = Path(__file__).parent.parent
_TELL_SECONDS = 5.0


class Told(Program):
    """A program that also takes orders, one JSON object a line."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        super().__init__(name, process)
        self._input = process.stdin

    async def tell(self, order: object) -> None:
        """Give an order. Raises `LabError` when the program is gone."""
        try:
            assert self._input is not None
            self._input.write(json.dumps(order).encode() + b"\n")
            async with asyncio.timeout(_TELL_SECONDS):
                await self._input.drain()
        except (OSError, TimeoutError):
            raise LabError(f"{self.name} takes no orders any more") from None


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
) -> AsyncIterator[Told]:
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
    program = Told(name, process)
    try:
        yield program
    finally:
        await program.stop()


def freespan(*arguments: str) -> list[str]:
    """Return the command line for `freespan ARGUMENTS`."""
    return [*python("freespan"), *arguments]
