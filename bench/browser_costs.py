"""What helping costs a visitor's machine: CPU and memory of all processes of a browser, and its page's main thread.

One run is one browser with a page in the foreground. Its switch is first off, then on and waiting. Then it passes
1 MB/s to a reader that takes no more, as much to a faster reader because of the visitor's limit, and then all it can.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench import download, process_costs
from bench.bridges import is_installed
from bench.figures import Figures
from bench.news_page import news_page
from bench.plan import Plan
from bench.programs import client, host, origin
from freespan import browsers
from freespan.browsers import Page
from freespan.browsers.chromium import ChromiumPage
from freespan.browsers.switch import turn_on

KINDS = ("chromium", "firefox")
_RUN_SECONDS = 150.0
_SLOW = 1e6
"""Bytes a second that the slow reader takes."""
_LIMIT_KILOBITS = 8_000
"""The same as the visitor's limit, for both directions together."""
_WARM_UP_BYTES = 1_000_000
_MEMORY_AFTER_SECONDS = 2.0
"""Memory is measured this long after the beginning of an interval."""
_SWITCH = 'document.querySelector("freespan-switch")'


@dataclass(frozen=True)
class Interval:
    """A time in which a browser did one thing."""

    seconds: float
    cpu: dict[str, float]
    """CPU seconds by the role of the processes."""
    memory_mb: float | None
    page_ms: float | None
    """Main-thread time of the embedding page; None unless it is Chromium."""

    @property
    def cpu_s(self) -> float:
        return sum(self.cpu.values())

    @property
    def cpu_percent(self) -> float:
        """Percent of one core."""
        return self.cpu_s / self.seconds * 100


@dataclass(frozen=True)
class Run:
    """What one browser cost."""

    off: Interval
    waiting: Interval
    slow: Interval
    """Passing 1 MB/s to a slow reader."""
    limited: Interval
    """Passing 1 MB/s because of the visitor's limit."""
    fast: Interval
    slow_bytes: int
    fast_bytes: int

    @property
    def cpu_s_per_100mb(self) -> float:
        """CPU seconds beyond those that the browser uses while it waits."""
        return (self.fast.cpu_s - self.waiting.cpu_percent / 100 * self.fast.seconds) / self.fast_bytes * 1e8

    @property
    def page_ms_per_100mb(self) -> float | None:
        """Milliseconds of the page's main thread beyond those while the switch is off."""
        if self.fast.page_ms is None or self.off.page_ms is None:
            return None
        before = self.off.page_ms / self.off.seconds * self.fast.seconds
        return (self.fast.page_ms - before) / self.fast_bytes * 1e8


async def measure_costs(plan: Plan, figures: Figures) -> None:
    """Measure `chromium_…` and `firefox_…` of CPU and memory, and `page_main_thread_ms_per_100mb`."""
    for kind in KINDS:
        if not is_installed(kind):
            figures.number(f"{kind}_cpu_s_per_100mb", None)
            continue
        runs = []
        for _ in range(plan.cost_runs):
            async with asyncio.timeout(_RUN_SECONDS):
                runs.append(await _run(kind, plan))
        add_figures(kind, runs, figures)


def add_figures(kind: str, runs: Sequence[Run], figures: Figures) -> None:
    """Add the runs of one kind of browser to the figures."""
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


def _speed(size: int, interval: Interval) -> dict[str, float]:
    return {"MB/s": size / interval.seconds / 1e6}


async def _run(kind: str, plan: Plan) -> Run:
    async with (
        origin() as site,
        host() as served,
        news_page(served.url) as url,
        browsers.launch(kind, width=1000, height=800) as browser,
    ):
        page = await browser.open(url("inline"))
        meter = _Meter(browser.pid, page)
        await meter.begin()

        async def measure_rest() -> Interval:
            await asyncio.sleep(plan.settle_seconds)
            return await meter.over(lambda: asyncio.sleep(plan.rest_seconds))

        off = await measure_rest()
        await turn_on(page)
        await page.wait_for(f'{_SWITCH}.getAttribute("state") === "waiting"')
        waiting = await measure_rest()
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
    """Measures what a browser uses."""

    def __init__(self, pid: int, page: Page) -> None:
        self._pid = pid
        self._page = page if isinstance(page, ChromiumPage) else None

    async def begin(self) -> None:
        """Start to time the page's main thread, in CPU time, on which other load has least influence.

        The sandboxed iframe is another target, in another process, so that its time is not included.
        """
        if self._page:
            await self._page.call("Performance.enable", {"timeDomain": "threadTicks"})

    async def over(self, action: Callable[[], Awaitable[None]]) -> Interval:
        """Measure what the browser uses while something is done. The page is not queried meanwhile."""
        page_ms = await self._page_ms()
        before, start = process_costs.seconds_of_family(self._pid), time.monotonic()
        memory = asyncio.create_task(self._memory())
        try:
            await action()
            seconds, after = time.monotonic() - start, process_costs.seconds_of_family(self._pid)
            page_ms_after = await self._page_ms()
            return Interval(
                seconds,
                {role: round(used - before.get(role, 0.0), 2) for role, used in after.items()},
                await memory,
                page_ms_after - page_ms if page_ms is not None and page_ms_after is not None else None,
            )
        finally:
            memory.cancel()

    async def _memory(self) -> float | None:
        await asyncio.sleep(_MEMORY_AFTER_SECONDS)
        return await asyncio.to_thread(process_costs.memory_mb_of_family, self._pid)

    async def _page_ms(self) -> float | None:
        if not self._page:
            return None
        metrics = (await self._page.call("Performance.getMetrics", {}))["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")) * 1000
