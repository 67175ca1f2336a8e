"""One session through the headless bridge: its memory at rest, latency, speed and CPU time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bench import download, process_costs
from bench.bulk import Run, add_figures, interleaved, raw_through
from bench.figures import Figures
from bench.plan import Plan
from bench.programs import client, headless_bridge, host, origin

_REST_SECONDS = 1.0
_WARM_UP_REQUESTS = 5


async def measure_headless(plan: Plan, figures: Figures) -> None:
    """Measure `idle_rss_mb`, `warm_first_byte_s`, `headless_mb_s`, `headless_raw_mb_s`, `cpu_s_per_100mb`."""
    async with (
        origin() as site,
        host() as served,
        headless_bridge(served.url) as helping,
        client(served.invite) as (connected, proxy),
        raw_through("headless") as raw,
    ):
        processes = Processes(connected.pid, helping.pid, served.program.pid)
        await asyncio.to_thread(download.first_byte_s, proxy, site)
        await asyncio.sleep(_REST_SECONDS)
        figures.number("idle_rss_mb", processes.rss_mb())

        for _ in range(_WARM_UP_REQUESTS):
            await asyncio.to_thread(download.first_byte_s, proxy, site)
        waits = [await asyncio.to_thread(download.first_byte_s, proxy, site) for _ in range(plan.warm_requests)]
        figures.median("warm_first_byte_s", waits, 5)

        meter = _Meter(processes)
        speeds, raw_speeds = await interleaved(_metered(meter, proxy, site), raw, plan, plan.headless_bytes)
        add_figures("headless", speeds, raw_speeds, figures)
        figures.number("cpu_s_per_100mb", meter.per_100_mb())


@dataclass(frozen=True)
class Processes:
    """The process ids of client, bridge and egress; that of the egress is the whole host."""

    client: int
    bridge: int
    egress: int

    def rss_mb(self) -> dict[str, float] | None:
        """Return the memory of each, in 10^6 bytes."""
        found = {name: process_costs.rss_mb_of(pid) for name, pid in vars(self).items()}
        known = {name: round(value, 1) for name, value in found.items() if value is not None}
        return known if len(known) == len(found) else None

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds of each until now, where they are known."""
        found = {name: process_costs.seconds_of(pid) for name, pid in vars(self).items()}
        return {name: value for name, value in found.items() if value is not None}


class _Meter:
    """Adds up the CPU time that the processes use during transfers."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._used: dict[str, float] = {}
        self._bytes = 0

    async def over(self, run: Run, size: int) -> float:
        before = self._processes.cpu_s()
        speed = await run(size)
        for name, used in self._processes.cpu_s().items():
            self._used[name] = self._used.get(name, 0.0) + used - before.get(name, 0.0)
        self._bytes += size
        return speed

    def per_100_mb(self) -> dict[str, float] | None:
        return {name: round(used / self._bytes * 1e8, 2) for name, used in self._used.items()} or None


def _metered(meter: _Meter, proxy: int, site: int) -> Run:
    async def run(size: int) -> float:
        return await asyncio.to_thread(download.megabytes_a_second, proxy, site, size)

    return lambda size: meter.over(run, size)
