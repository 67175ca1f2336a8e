"""Runs programs inside a node of a network, as subprocesses that report events in lines of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence

from freespan.demo.programs import LINE_MAX, Program
from lab.commands import environment
from lab.errors import LabError
from lab.namespaces import Network

_SEND_SECONDS = 5.0


class InteractiveProgram(Program):
    """A program that also takes requests on its standard input, one JSON value a line."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        super().__init__(name, process)
        self._input = process.stdin

    async def send(self, request: object) -> None:
        """Send a request. Raises `LabError` when the program has ended."""
        try:
            assert self._input is not None
            self._input.write(json.dumps(request).encode() + b"\n")
            async with asyncio.timeout(_SEND_SECONDS):
                await self._input.drain()
        except (OSError, TimeoutError):
            raise LabError(f"{self.name} no longer takes requests") from None


@contextlib.asynccontextmanager
async def running(
    network: Network, node: str, name: str, arguments: Sequence[str], env: Mapping[str, str] | None = None
) -> AsyncIterator[InteractiveProgram]:
    """Run a program inside a node for the length of the block.

    Args:
        network: with the node.
        node: its name.
        name: what the program is called in messages.
        arguments: the command line.
        env: added to the environment of `commands.environment`.
    """
    process = await asyncio.create_subprocess_exec(
        *network.command(node, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=LINE_MAX,
        env=environment(**(env or {})),
        start_new_session=True,
    )
    program = InteractiveProgram(name, process)
    try:
        yield program
    finally:
        await program.stop()
