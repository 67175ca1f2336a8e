"""Whether memory grows with what has been and gone: of a host, a client and a headless bridge.

Each figure is the resident memory after all changes to that after the first tenth of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import urllib.request
from collections.abc import Sequence

from bench import process_costs
from bench.figures import Figures
from bench.flood.reader import Newcomers, PacedDownload
from bench.plan import Plan
from bench.programs import client, headless_bridge, helper, host, origin
from freespan.demo.programs import Program
from freespan.wire.invite import parse_invite

_SETTLE_SECONDS = 3.0
_ROUND_SECONDS = 1_800.0
_CHANGE_SECONDS = 20.0
_BRIDGES = 3
_SESSIONS = re.compile(r"^freespan_sessions (\S+)$", re.MULTILINE)


async def measure_soak(plan: Plan, figures: Figures) -> None:
    """Measure `soak_rss_ratio_host`, `soak_rss_ratio_client` and `soak_rss_ratio_bridge`."""
    await _soak_host(plan.soak_sessions, figures)
    await _soak_client(plan.soak_changes, figures)
    await _soak_bridge(plan.soak_changes, figures)


async def _soak_host(sessions: int, figures: Figures) -> None:
    async with (
        host("--metrics-port", "0", command=_counting_exactly) as served,
        helper("flood.session_soak", served.url) as (soaking, _),
    ):

        async def open_and_end(count: int) -> None:
            soaking.send(str(count))
            await soaking.next_event("done", _ROUND_SECONDS)
            await _until_no_session(served.metrics)

        await open_and_end(sessions // 10)
        first = await _settled_mb(served.program)
        await open_and_end(sessions - sessions // 10)
        _add("host", first, await _settled_mb(served.program), sessions, figures)


async def _soak_client(changes: int, figures: Figures) -> None:
    async with (
        origin() as site,
        host() as served,
        helper("flood.changing_bridges", served.url, str(_BRIDGES)) as (bridges, _),
        client(served.invite) as (connected, proxy),
    ):
        downloading = PacedDownload(proxy, site)

        async def change(count: int) -> None:
            for _ in range(count):
                await _until_carried(connected)
                bridges.send("change")
                await bridges.next_event("changed", _CHANGE_SECONDS)

        await change(changes // 10)
        first = await _settled_mb(connected)
        await change(changes - changes // 10)
        last = await _settled_mb(connected)
        figures.number("soak_broken", await downloading.broken())
        _add("client", first, last, changes, figures)


async def _soak_bridge(changes: int, figures: Figures) -> None:
    async with origin() as site, host() as served, headless_bridge(served.url) as helping:
        newcomers = Newcomers(parse_invite(served.invite), site, pause=0.0)
        count = 0

        def after(wanted: int) -> bool:
            nonlocal count
            count += 1
            return count >= wanted

        await newcomers.until(lambda: after(changes // 10))
        first = await _settled_mb(helping)
        found = await newcomers.until(lambda: after(changes))
        _add("bridge", first, await _settled_mb(helping), changes - found.failed, figures)


def _add(name: str, first: float, last: float, changes: int, figures: Figures) -> None:
    figures.number(f"soak_rss_ratio_{name}", round(last / first, 3))
    figures.parts[f"soak_rss_ratio_{name}"] = {
        "first_mb": round(first, 1),
        "last_mb": round(last, 1),
        "changes": changes,
    }


async def _settled_mb(program: Program) -> float:
    await asyncio.sleep(_SETTLE_SECONDS)
    return process_costs.rss_mb_of(program.pid) or float("nan")


async def _until_carried(connected: Program) -> None:
    """Wait until the client has a link again, and a moment for a second one."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CHANGE_SECONDS):
            while connected.last.get("links", 0) < 1:
                await asyncio.sleep(0.02)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            while connected.last.get("links", 0) < _BRIDGES - 1:
                await asyncio.sleep(0.02)


async def _until_no_session(url: str) -> None:
    async with asyncio.timeout(_ROUND_SECONDS):
        while await asyncio.to_thread(_sessions, url):
            await asyncio.sleep(0.2)


def _counting_exactly(arguments: Sequence[str]) -> list[str]:
    """The command line of a host whose metrics count sessions one by one, and at once."""
    settings = "freespan.observe.coarse.CoarseSettings"
    limits = {f"{settings}.step": 1, f"{settings}.seconds": 0.05}
    return [sys.executable, "-m", "lab.with_limits", json.dumps(limits), *arguments]


def _sessions(url: str) -> float:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found = _SESSIONS.search(answer.read().decode())
    return float(found.group(1)) if found else 0.0
