"""The throughput of one session that several bridges carry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from bench import download
from bench.figures import Figures
from bench.killable_bridges import limited
from bench.plan import Plan
from bench.programs import client, host, origin

EQUAL = ((2.0, 20.0),) * 4
"""Four equal bridges: 10^6 bytes a second, and milliseconds one way."""
MIXED = ((4.0, 10.0), (2.0, 20.0), (1.0, 50.0), (0.5, 100.0))
_SINGLE_SECONDS = 5.0
_TOGETHER_SECONDS = 14.0
_SETTLE_SECONDS = 4.0


async def measure_bond(plan: Plan, figures: Figures) -> None:
    """Measure `bond_4x2_ratio` (to one of the four bridges) and `bond_mixed_ratio` (to the sum of all)."""
    one = await _speed(EQUAL[:1], _SINGLE_SECONDS)
    together = [await _speed(EQUAL, _TOGETHER_SECONDS) for _ in range(plan.bond_runs)]
    figures.median("bond_4x2_ratio", [speed / one for speed in together], 2)
    total = sum(rate for rate, _ in MIXED)
    mixed = [await _speed(MIXED, _TOGETHER_SECONDS) for _ in range(plan.bond_runs)]
    figures.median("bond_mixed_ratio", [speed / total for speed in mixed], 2)


async def _speed(bridges: Sequence[tuple[float, float]], seconds: float) -> float:
    """Return the speed of a download of about this length, after a first one in which all bridges come into use."""
    async with origin() as site, host() as served, contextlib.AsyncExitStack() as stack:
        for rate, delay in bridges:
            await stack.enter_async_context(limited(served.url, rate, delay))
        _, proxy = await stack.enter_async_context(client(served.invite))
        total = sum(rate for rate, _ in bridges) * 1e6
        await asyncio.to_thread(download.megabytes_a_second, proxy, site, int(total * _SETTLE_SECONDS))
        return await asyncio.to_thread(download.megabytes_a_second, proxy, site, int(total * seconds))
