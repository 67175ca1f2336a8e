"""The processes of a measurement: the real programs, and the bench's own helpers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from freespan.demo.programs import LINE_MAX, Program, freespan_command, running

Event = dict[str, Any]
_ROOT = Path(__file__).parent.parent
_READY_SECONDS = 30.0
UNHURRIED = ("--session-connections", "10000", "--session-destination", "10000", "--session-daily", "99999GB")
"""Options of a host that lets a reader load page after page, as no person does."""


@dataclass(frozen=True)
class Host:
    """A running host; `url` is that of broker, egress and switch, `metrics` that of the counters if they are served."""

    url: str
    invite: str
    program: Program
    metrics: str = ""


@contextlib.asynccontextmanager
async def host(*more: str, command: Callable[[Sequence[str]], list[str]] = freespan_command) -> AsyncIterator[Host]:
    """Run `freespan serve` on a free port, with a new key, allowed to reach loopback, and with `more` arguments.

    `command` makes the command line.
    """
    with TemporaryDirectory(prefix="freespan-bench-") as data:
        reaching = ("--allow-private", "--egress", "open", *UNHURRIED)
        arguments = ("serve", "--port", "0", "--data", data, *reaching, "--json", "--print-invite", *more)
        async with running(*arguments, command=command) as program:
            ready = await program.event(_is("ready"), _READY_SECONDS, "host that is ready")
            yield Host(ready["url"], ready["invite"], program, ready.get("metrics", ""))


@contextlib.asynccontextmanager
async def headless_bridge(url: str) -> AsyncIterator[Program]:
    """Run `freespan bridge`; it waits for readers when the block begins."""
    async with running("bridge", url, "--json") as program:
        await program.event(lambda event: event.get("state") == "waiting", _READY_SECONDS, "bridge that waits")
        yield program


@contextlib.asynccontextmanager
async def client(invite: str) -> AsyncIterator[tuple[Program, int]]:
    """Run `freespan connect` with an open session; yields it and the port of its local proxy."""
    async with running("connect", "--port", "0", "--json", invite=invite) as program:
        proxy = await program.event(_is("proxy"), _READY_SECONDS, "local proxy")
        await program.event(lambda event: event.get("state") == "open", _READY_SECONDS, "open session")
        yield program, int(proxy["address"].rpartition(":")[2])


class Helper(Program):
    """A process of the bench itself; it reads one line for each request."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        super().__init__(name, process)
        self._input = process.stdin

    def send(self, line: str) -> None:
        """Send a line to it."""
        assert self._input is not None
        self._input.write(line.encode() + b"\n")

    async def next_event(self, event: str, seconds: float) -> Event:
        """Return its next event of this name."""
        return await self.event(_is(event), seconds, event)


@contextlib.asynccontextmanager
async def helper(name: str, *arguments: str) -> AsyncIterator[tuple[Helper, Event]]:
    """Run the module `bench.NAME`; yields it and its first event, `ready`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"bench.{name}",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE_MAX,
        cwd=_ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    program = Helper(f"bench.{name}", process)
    try:
        yield program, await program.next_event("ready", _READY_SECONDS)
    finally:
        await program.stop()


@contextlib.asynccontextmanager
async def origin() -> AsyncIterator[int]:
    """Run the site to download from; yields its port on loopback."""
    async with helper("origin") as (_, ready):
        yield int(ready["port"])


def _is(name: str) -> Any:
    return lambda event: event.get("event") == name
