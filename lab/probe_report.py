"""`python -m lab probe`: what the host looks like to active probing, beside an ordinary site."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from freespan.demo.programs import Event
from lab.commands import python
from lab.world import ADDRESSES, BLOCKED, HOST, World, running_world

_SECONDS = 120.0


async def report_probes() -> int:
    """Print what the host answers, and what identifies it; exit code 1 if something does."""
    async with running_world(()) as here:
        host, ordinary = await asyncio.gather(probe(here, "host", HOST), probe(here, "blocked", BLOCKED))
    print(f"{'request':22}{'host':>52}   an ordinary site of the lab")
    for request, answer in host["answers"].items():
        print(f"{request:22}{_text(answer):>52}   {_text(ordinary['answers'][request])}")
    print(f"\nTLS: {json.dumps(host['tls'])}; port 80 {host['port 80']}")
    for suspicion in host["suspicions"]:
        print(f"identifies the host: {suspicion}")
    return 1 if host["suspicions"] else 0


async def probe(here: World, node: str, name: str) -> Event:
    """Probe port 443 of a node from the censor's own machine; returns the report of `active_probe`."""
    arguments = [*python("lab.active_probe"), ADDRESSES[node][0], "443", name, str(here.authority.file)]
    async with here.running("prober", "prober", arguments) as prober:
        return await prober.event(lambda event: "answers" in event, _SECONDS, "report")


def _text(answer: dict[str, Any]) -> str:
    return f"{answer['first_line'][:30] or '(nothing)'}, {answer['ended']} after {answer['seconds']:.1f} s"
