"""Several bridges that carry one session: what they give together, and what the loss of one costs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bench import download
from bench.figures import Figures
from bench.origin import body
from bench.plan import Plan
from bench.programs import Helper, client, helper, host, origin

EQUAL = ((2.0, 20.0),) * 4
"""Four bridges: 10^6 bytes a second, and milliseconds one way."""
MIXED = ((4.0, 10.0), (2.0, 20.0), (1.0, 50.0), (0.5, 100.0))
_KILLED = (8.0, 10.0)
_OF_ONE_SECONDS = 5.0
_TOGETHER_SECONDS = 14.0
_SETTLE_SECONDS = 4.0
_SECONDS = 120.0


async def measure_bond(plan: Plan, figures: Figures) -> None:
    """Measure `bond_4x2_ratio` (to one of the four) and `bond_mixed_ratio` (to the sum)."""
    one = await _speed(EQUAL[:1], _OF_ONE_SECONDS)
    together = [await _speed(EQUAL, _TOGETHER_SECONDS) for _ in range(plan.bond_runs)]
    figures.median("bond_4x2_ratio", [speed / one for speed in together], 2)
    total = sum(rate for rate, _ in MIXED)
    mixed = [await _speed(MIXED, _TOGETHER_SECONDS) for _ in range(plan.bond_runs)]
    figures.median("bond_mixed_ratio", [speed / total for speed in mixed], 2)


async def measure_kills(plan: Plan, figures: Figures) -> None:
    """Measure `kill_pause_median_s`, `kill_pause_worst_s` and `kill_wrong_bytes`: SIGKILL for one of three."""
    pauses, wrong = [], 0
    async with origin() as site, host() as served, contextlib.AsyncExitStack() as stack:
        bridges = [await stack.enter_async_context(_limited(served.url, *_KILLED)) for _ in range(3)]
        _, proxy = await stack.enter_async_context(client(served.invite))
        for _ in range(plan.kills):
            reading = asyncio.create_task(asyncio.to_thread(_watched, proxy, site, plan.kill_bytes), name="bench-kill")
            await asyncio.sleep(_SETTLE_SECONDS / 4 + random.random())
            victim = bridges.pop(random.randrange(len(bridges)))
            os.kill(victim.pid, signal.SIGKILL)
            killed_at = time.perf_counter()
            bridges.append(await stack.enter_async_context(_limited(served.url, *_KILLED)))
            watched = await reading
            pauses.append(watched.longest_pause(killed_at))
            wrong += not watched.is_right
    figures.median("kill_pause_median_s", pauses, 3)
    figures.number("kill_pause_worst_s", round(max(pauses), 3))
    figures.number("kill_wrong_bytes", float(wrong))


async def _speed(bridges: Sequence[tuple[float, float]], seconds: float) -> float:
    """Of one download that takes about so long, once all bridges have been found to be of use."""
    async with origin() as site, host() as served, contextlib.AsyncExitStack() as stack:
        for rate, delay in bridges:
            await stack.enter_async_context(_limited(served.url, rate, delay))
        _, proxy = await stack.enter_async_context(client(served.invite))
        total = sum(rate for rate, _ in bridges) * 1e6
        await asyncio.to_thread(download.megabytes_a_second, proxy, site, int(total * _SETTLE_SECONDS))
        return await asyncio.to_thread(download.megabytes_a_second, proxy, site, int(total * seconds))


@contextlib.asynccontextmanager
async def _limited(url: str, rate: float, delay_ms: float) -> AsyncIterator[Helper]:
    async with helper("limited_bridge", url, str(rate), str(delay_ms)) as (bridge, _):
        yield bridge


@dataclass(frozen=True)
class _Watched:
    """A download, when its pieces came (seconds), and whether they were the right ones."""

    arrivals: list[float]
    is_right: bool

    def longest_pause(self, after: float) -> float:
        """Between two pieces, from the last one before the moment `after` on."""
        first = max((i for i, at in enumerate(self.arrivals) if at <= after), default=0)
        times = self.arrivals[first:]
        return max((later - earlier for earlier, later in itertools.pairwise(times)), default=0.0)


def _watched(proxy: int, site: int, size: int) -> _Watched:
    digest, arrivals = hashlib.sha256(), list[float]()
    with socket.create_connection(("127.0.0.1", proxy), _SECONDS) as connection:
        data = download.ask(connection, site, size)
        digest.update(data)
        received = len(data)
        while received < size and (data := connection.recv(1 << 18)):
            arrivals.append(time.perf_counter())
            digest.update(data)
            received += len(data)
    right = hashlib.sha256()
    for piece in body(size):
        right.update(piece)
    return _Watched(arrivals, received == size and digest.digest() == right.digest())
