"""Bulk speed: downloads through a session and through the raw pipe.

The runs of both are interleaved, and are many and short, so that other load on the machine slows both alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from bench import download
from bench.bridges import bridge
from bench.figures import Figures
from bench.plan import BULK_RUNS_LEAST, Plan
from bench.programs import client, helper, host, origin

Run = Callable[[int], Awaitable[float]]
"""Transfers a number of bytes, and returns 10^6 bytes a second."""

_RAW_SECONDS = 120.0
_WARM_UP_BYTES = 4_000_000


async def interleaved(session: Run, raw: Run, plan: Plan, size: int) -> tuple[list[float], list[float]]:
    """Return the speeds of session and raw pipe, after one short run of each that is not counted.

    Args:
        session: a download through a session.
        raw: a transfer through the raw pipe.
        plan: how many runs, and how long.
        size: bytes of each run.
    """
    await session(_WARM_UP_BYTES)
    await raw(_WARM_UP_BYTES)
    session_speeds: list[float] = []
    raw_speeds: list[float] = []
    until = time.monotonic() + plan.bulk_seconds
    while len(raw_speeds) < plan.bulk_runs and (time.monotonic() < until or len(raw_speeds) < BULK_RUNS_LEAST):
        session_speeds.append(await session(size))
        raw_speeds.append(await raw(size))
    return session_speeds, raw_speeds


def add_figures(kind: str, speeds: list[float], raw_speeds: list[float], figures: Figures) -> None:
    """Add the speeds to the figures, with the ratio of each pair of runs, on which other load has least influence."""
    figures.median(f"{kind}_mb_s", speeds, 2)
    figures.median(f"{kind}_raw_mb_s", raw_speeds, 2)
    ratios = [{"ratio_to_raw": speed / raw} for speed, raw in zip(speeds, raw_speeds, strict=True)]
    figures.median_parts(f"{kind}_mb_s", ratios)


@contextlib.asynccontextmanager
async def session_through(kind: str) -> AsyncIterator[Run]:
    """Open a session through a bridge of this kind for the length of the block."""
    async with origin() as site, host() as served, bridge(kind, served.url), client(served.invite) as (_, proxy):
        yield lambda size: asyncio.to_thread(download.megabytes_a_second, proxy, site, size)


@contextlib.asynccontextmanager
async def raw_through(kind: str) -> AsyncIterator[Run]:
    """Open the raw pipe through a bridge of this kind for the length of the block."""
    async with (
        helper("raw_host") as (_, ready),
        bridge(kind, ready["url"]),
        helper("raw_client", ready["invite"]) as (sink, _),
    ):

        async def run(size: int) -> float:
            sink.send(str(size))
            return size / float((await sink.next_event("received", _RAW_SECONDS))["seconds"]) / 1e6

        yield run
