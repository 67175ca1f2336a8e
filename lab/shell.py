"""A shell inside a node, to try by hand: in the lab that stands, or else in one that is made for it."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from freespan.demo.programs import STOP_SECONDS
from lab import net, programs
from lab.errors import LabError
from lab.hosts import BLOCKED, NEWS, World, kept_environment, volunteering, world
from lab.scenarios import SCENARIOS

_SCENARIO = "stacked"


async def shell(node: str) -> int:
    """Open a shell in `node`; returns its exit code."""
    if net.is_running():
        if net.PREFIX + node not in net.leftovers():
            raise LabError(f"no node {node!r} in the lab that is running; there are: {_nodes()}")
        return await _run_shell(["ip", "netns", "exec", net.PREFIX + node], kept_environment(), "")
    async with AsyncExitStack() as stack:
        layout = SCENARIOS[_SCENARIO].layout
        homes = layout.homes()
        here = await stack.enter_async_context(world(homes, layout.censor))
        if node not in here.network.nodes:
            raise LabError(f"no node {node!r}; there are: {', '.join(here.network.nodes)}")
        await stack.enter_async_context(volunteering(here, "volunteer", layout.program))
        command = ["ip", "netns", "exec", here.network.nodes[node].namespace]
        return await _run_shell(command, kept_environment(), _things_to_try(here))


def _nodes() -> str:
    return ", ".join(name.removeprefix(net.PREFIX) for name in net.leftovers())


def _things_to_try(here: World) -> str:
    freespan = shlex.join(programs.freespan())
    return f"""A small world stands, with a censor who has stacked all that he knows against {BLOCKED}.
  curl https://{NEWS}/small                      everybody may
  curl https://{BLOCKED}/small                   cut
  {freespan} fetch $INVITE https://{BLOCKED}/small -o -   through a volunteer
  {freespan} connect $INVITE                     a proxy on 127.0.0.1:8118
Nodes: {", ".join(here.network.nodes)}  (`ip netns exec {net.PREFIX}NAME …` as root, from elsewhere)
Files of the lab's authority: {here.authority.file}. `exit` takes everything away.
"""


async def _run_shell(enter: list[str], env: dict[str, str], greeting: str) -> int:
    """Ctrl-C is the shell's own while it runs."""
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "rc"
        start.write_text('PS1="lab:${NODE}# "\n')
        print(greeting, end="", flush=True)
        held = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            node = enter[-1].removeprefix(net.PREFIX)
            process = await asyncio.create_subprocess_exec(
                *enter, "bash", "--rcfile", str(start), env=programs.environment(NODE=node, **env)
            )
            try:
                return await process.wait()
            except asyncio.CancelledError:
                process.send_signal(signal.SIGHUP)
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
                raise
        finally:
            signal.signal(signal.SIGINT, held)
            if os.isatty(0):
                print("taking everything away")
