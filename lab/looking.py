"""`python -m lab look`: the host as a censor's prober sees it, in a world made for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from freespan.demo.programs import Event
from lab.hosts import ADDRESSES, BLOCKED, HOST, World, world
from lab.programs import python

_SECONDS = 120.0


async def look() -> int:
    """Print what the host answers, and what gives it away; exit code 1 where something does."""
    async with world(()) as here:
        host, ordinary = await asyncio.gather(probed(here, "host", HOST), probed(here, "blocked", BLOCKED))
    print(f"{'question':22}{'host':>52}   an ordinary site of the lab")
    for question, answer in host["answers"].items():
        print(f"{question:22}{_words(answer):>52}   {_words(ordinary['answers'][question])}")
    print(f"\nTLS: {json.dumps(host['tls'])}; port 80 {host['port 80']}")
    for suspicion in host["suspicions"]:
        print(f"gives it away: {suspicion}")
    return 1 if host["suspicions"] else 0


async def probed(here: World, node: str, name: str) -> Event:
    """Probe port 443 of a node from the censor's own machine; see `prober.py`."""
    arguments = [*python("lab.prober"), ADDRESSES[node][0], "443", name, str(here.authority.file)]
    async with here.running("prober", "prober", arguments) as prober:
        return await prober.event(lambda event: "answers" in event, _SECONDS, "report")


def _words(answer: dict[str, Any]) -> str:
    return f"{answer['first_line'][:30] or '(nothing)'}, {answer['ended']} after {answer['seconds']:.1f} s"
