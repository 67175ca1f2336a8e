"""What helping costs the visitor's machine: CPU and memory of all of a browser's processes, the page's main thread.

One run is one browser with a page in front: with the switch off, on and waiting, passing 1 MB/s to a reader who takes
no more, the same to one who would but for the visitor's limit, and passing as fast as it can.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench import cpu, download
from bench.browser import is_here
from bench.figures import Figures
from bench.newspage import news_page
from bench.plan import Plan
from bench.programs import client, host, origin
from freespan import browsers
from freespan.browsers import Page
from freespan.browsers.chromium import ChromiumPage
from freespan.browsers.switch import turn_on

KINDS = ("chromium", "firefox")
_RUN_SECONDS = 150.0
_SLOW = 1e6
"""Bytes a second that a slow reader takes."""
_LIMIT_KILOBITS = 8_000
"""The same as a limit of the visitor, for both directions together."""
_WARM_UP_BYTES = 1_000_000
_MEMORY_AFTER_SECONDS = 2.0
"""Memory is looked at so long after a stretch has begun."""
_SWITCH = 'document.querySelector("freespan-switch")'


@dataclass(frozen=True)
class Stretch:
    """A while in which a browser did one thing."""

    seconds: float
    cpu: dict[str, float]
    """CPU seconds, by what the processes are there for."""
    memory_mb: float | None
    page_ms: float | None
    """Main-thread time of the embedding page; only Chromium tells."""

    @property
    def cpu_s(self) -> float:
        return sum(self.cpu.values())

    @property
    def cpu_percent(self) -> float:
        """Of one core."""
        return self.cpu_s / self.seconds * 100


@dataclass(frozen=True)
class Run:
    """What one browser cost."""

    off: Stretch
    waiting: Stretch
    slow: Stretch
    """Passing 1 MB/s."""
    limited: Stretch
    """Passing no more than 1 MB/s."""
    fast: Stretch
    slow_bytes: int
    fast_bytes: int

    @property
    def cpu_s_per_100mb(self) -> float:
        """CPU seconds beyond what the browser used before, when it waited."""
        return (self.fast.cpu_s - self.waiting.cpu_percent / 100 * self.fast.seconds) / self.fast_bytes * 1e8

    @property
    def page_ms_per_100mb(self) -> float | None:
        """Milliseconds of the page's main thread beyond those that it used before."""
        if self.fast.page_ms is None or self.off.page_ms is None:
            return None
        before = self.off.page_ms / self.off.seconds * self.fast.seconds
        return (self.fast.page_ms - before) / self.fast_bytes * 1e8


async def measure_costs(plan: Plan, figures: Figures) -> None:
    """Measure all that begins with `chromium_` or `firefox_` here, and `page_main_thread_ms_per_100mb`."""
    for kind in KINDS:
        if not is_here(kind):
            figures.number(f"{kind}_cpu_s_per_100mb", None)
            continue
        runs = []
        for _ in range(plan.cost_runs):
            async with asyncio.timeout(_RUN_SECONDS):
                runs.append(await _run(kind, plan))
        note(kind, runs, figures)


def note(kind: str, runs: Sequence[Run], figures: Figures) -> None:
    """Make figures of the runs of one kind of browser."""
    figures.median(f"{kind}_cpu_s_per_100mb", [run.cpu_s_per_100mb for run in runs], 2)
    roles = sorted({role for run in runs for role in run.fast.cpu})
    parts = [{role: run.fast.cpu.get(role, 0.0) / run.fast_bytes * 1e8 for role in roles} for run in runs]
    figures.median_parts(f"{kind}_cpu_s_per_100mb", parts)
    figures.median(f"{kind}_off_cpu_percent", [run.off.cpu_percent for run in runs], 2)
    figures.median(f"{kind}_waiting_cpu_percent", [run.waiting.cpu_percent for run in runs], 2)
    figures.median(f"{kind}_1mb_s_cpu_percent", [run.slow.cpu_percent for run in runs], 2)
    figures.median_parts(f"{kind}_1mb_s_cpu_percent", [_speed(run.slow_bytes, run.slow) for run in runs])
    figures.median(f"{kind}_1mb_s_limited_cpu_percent", [run.limited.cpu_percent for run in runs], 2)
    figures.median_parts(f"{kind}_1mb_s_limited_cpu_percent", [_speed(run.slow_bytes, run.limited) for run in runs])
    for name in ("off", "waiting", "slow"):
        memory = [run_memory for run in runs if (run_memory := getattr(run, name).memory_mb) is not None]
        if memory:
            figures.median(f"{kind}_{'1mb_s' if name == 'slow' else name}_mb_memory", memory, 0)
    page = [ms for run in runs if (ms := run.page_ms_per_100mb) is not None]
    if page:
        figures.median("page_main_thread_ms_per_100mb", page, 2)


def _speed(size: int, stretch: Stretch) -> dict[str, float]:
    return {"MB/s": size / stretch.seconds / 1e6}


async def _run(kind: str, plan: Plan) -> Run:
    async with (
        origin() as site,
        host() as served,
        news_page(served.url) as url,
        browsers.launch(kind, width=1000, height=800) as window,
    ):
        page = await window.open(url("inline"))
        meter = _Meter(window.pid, page)
        await meter.begin()

        async def rest() -> Stretch:
            await asyncio.sleep(plan.settle_seconds)
            return await meter.over(lambda: asyncio.sleep(plan.rest_seconds))

        off = await rest()
        await turn_on(page)
        await page.wait_for(f'{_SWITCH}.getAttribute("state") === "waiting"')
        waiting = await rest()
        async with client(served.invite) as (_, proxy):

            async def move(size: int) -> None:
                await asyncio.to_thread(download.megabytes_a_second, proxy, site, size)

            await move(_WARM_UP_BYTES)
            slow = await meter.over(
                lambda: asyncio.to_thread(download.paced, proxy, site, plan.slow_bytes, _SLOW),
            )
            await page.evaluate(f'{_SWITCH}.setAttribute("kilobits", {_LIMIT_KILOBITS})')
            limited = await meter.over(lambda: move(plan.slow_bytes))
            await page.evaluate(f'{_SWITCH}.removeAttribute("kilobits")')
            await move(_WARM_UP_BYTES)
            fast = await meter.over(lambda: move(plan.cost_bytes))
    return Run(off, waiting, slow, limited, fast, plan.slow_bytes, plan.cost_bytes)


class _Meter:
    """Reads what a browser has used."""

    def __init__(self, pid: int, page: Page) -> None:
        self._pid = pid
        self._page = page if isinstance(page, ChromiumPage) else None

    async def begin(self) -> None:
        """Have the page's main thread timed: CPU time, in which a busy machine counts least.

        The sandboxed iframe is a target of its own, in another process; were it not, its time would be counted, too.
        """
        if self._page:
            await self._page.call("Performance.enable", {"timeDomain": "threadTicks"})

    async def over(self, doing: Callable[[], Awaitable[None]]) -> Stretch:
        """What it uses while something is done. Nothing is asked of the page meanwhile."""
        page_ms = await self._page_ms()
        before, start = cpu.seconds_of_family(self._pid), time.monotonic()
        memory = asyncio.create_task(self._memory())
        try:
            await doing()
            seconds, after = time.monotonic() - start, cpu.seconds_of_family(self._pid)
            page_ms_after = await self._page_ms()
            return Stretch(
                seconds,
                {role: round(used - before.get(role, 0.0), 2) for role, used in after.items()},
                await memory,
                page_ms_after - page_ms if page_ms is not None and page_ms_after is not None else None,
            )
        finally:
            memory.cancel()

    async def _memory(self) -> float | None:
        await asyncio.sleep(_MEMORY_AFTER_SECONDS)
        return await asyncio.to_thread(cpu.memory_mb_of_family, self._pid)

    async def _page_ms(self) -> float | None:
        if not self._page:
            return None
        metrics = (await self._page.call("Performance.getMetrics", {}))["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")) * 1000
