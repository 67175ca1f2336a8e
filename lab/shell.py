"""A shell inside a node, to try things by hand: in the running lab, or else in one that is started for it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from freespan.demo.programs import STOP_SECONDS
from lab import commands, namespaces
from lab.errors import LabError
from lab.scenarios import SCENARIOS
from lab.world import BLOCKED, NEWS, World, kept_environment, running_volunteer, running_world

_SCENARIO = "stacked"


async def shell(node: str) -> int:
    """Open a shell in `node`; returns its exit code."""
    if namespaces.is_running():
        if namespaces.PREFIX + node not in namespaces.leftovers():
            raise LabError(f"no node {node!r} in the lab that is running; there are: {_nodes()}")
        return await _run_shell(["ip", "netns", "exec", namespaces.PREFIX + node], kept_environment(), "")
    async with AsyncExitStack() as stack:
        layout = SCENARIOS[_SCENARIO].layout
        homes = layout.homes()
        here = await stack.enter_async_context(running_world(homes, layout.censor))
        if node not in here.network.nodes:
            raise LabError(f"no node {node!r}; there are: {', '.join(here.network.nodes)}")
        await stack.enter_async_context(running_volunteer(here, "volunteer", layout.program))
        command = ["ip", "netns", "exec", here.network.nodes[node].namespace]
        return await _run_shell(command, kept_environment(), _greeting(here))


def _nodes() -> str:
    return ", ".join(name.removeprefix(namespaces.PREFIX) for name in namespaces.leftovers())


def _greeting(here: World) -> str:
    freespan = shlex.join(commands.freespan())
    return f"""The world is running. Its censor blocks {BLOCKED} by all of DNS, address, SNI and Host.
  curl https://{NEWS}/small                      not blocked
  curl https://{BLOCKED}/small                   blocked
  {freespan} fetch https://{BLOCKED}/small -o -   through a volunteer
  {freespan} connect                             a proxy on 127.0.0.1:8118
Nodes: {", ".join(here.network.nodes)}  (`ip netns exec {namespaces.PREFIX}NAME …` as root, from elsewhere)
Files of the lab's authority: {here.authority.file}. `exit` removes everything.
"""


async def _run_shell(enter: list[str], env: dict[str, str], greeting: str) -> int:
    """Run the shell; while it runs, Ctrl-C is handled by it alone."""
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "rc"
        start.write_text('PS1="lab:${NODE}# "\n')
        print(greeting, end="", flush=True)
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            node = enter[-1].removeprefix(namespaces.PREFIX)
            process = await asyncio.create_subprocess_exec(
                *enter, "bash", "--rcfile", str(start), env=commands.environment(NODE=node, **env)
            )
            try:
                return await process.wait()
            except asyncio.CancelledError:
                process.send_signal(signal.SIGHUP)
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
                raise
        finally:
            signal.signal(signal.SIGINT, handler)
            if os.isatty(0):
                print("removing everything")
