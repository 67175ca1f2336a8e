"""Bulk speed: downloads through a session and the raw pipe in turn, so that whatever slows the machine slows both.

Many short runs rather than a few long ones, for the same reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from bench import download
from bench.browser import bridge
from bench.figures import Figures
from bench.plan import BULK_RUNS_LEAST, Plan
from bench.programs import client, helper, host, origin

Run = Callable[[int], Awaitable[float]]
"""Moves so many bytes, and returns 10^6 bytes a second."""

_RAW_SECONDS = 120.0
_WARM_UP_BYTES = 4_000_000


async def in_turn(session: Run, raw: Run, plan: Plan, size: int) -> tuple[list[float], list[float]]:
    """The speeds of the runs of each, interleaved, after a short one of each that does not count."""
    await session(_WARM_UP_BYTES)
    await raw(_WARM_UP_BYTES)
    session_speeds: list[float] = []
    raw_speeds: list[float] = []
    until = time.monotonic() + plan.bulk_seconds
    while len(raw_speeds) < plan.bulk_runs and (time.monotonic() < until or len(raw_speeds) < BULK_RUNS_LEAST):
        session_speeds.append(await session(size))
        raw_speeds.append(await raw(size))
    return session_speeds, raw_speeds


def note(kind: str, speeds: list[float], raw_speeds: list[float], figures: Figures) -> None:
    """Make figures of the speeds; beside them the share of each run's neighbour, which a busy machine spoils least."""
    figures.median(f"{kind}_mb_s", speeds, 2)
    figures.median(f"{kind}_raw_mb_s", raw_speeds, 2)
    shares = [{"of its neighbour": speed / raw} for speed, raw in zip(speeds, raw_speeds, strict=True)]
    figures.median_parts(f"{kind}_mb_s", shares)


@contextlib.asynccontextmanager
async def session_through(kind: str) -> AsyncIterator[Run]:
    """A session through a bridge of this kind."""
    async with origin() as site, host() as served, bridge(kind, served.url), client(served.invite) as (_, proxy):
        yield lambda size: asyncio.to_thread(download.megabytes_a_second, proxy, site, size)


@contextlib.asynccontextmanager
async def raw_through(kind: str) -> AsyncIterator[Run]:
    """The raw pipe through a bridge of this kind."""
    async with (
        helper("raw_host") as (_, ready),
        bridge(kind, ready["url"]),
        helper("raw_client", ready["url"]) as (sink, _),
    ):

        async def run(size: int) -> float:
            sink.ask(str(size))
            return size / float((await sink.answer("received", _RAW_SECONDS))["seconds"]) / 1e6

        yield run
