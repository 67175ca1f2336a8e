"""What the switch does to a page that loads: the page with and without it in turn, each time as on a first visit."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bench.browser import is_here
from bench.figures import Figures
from bench.newspage import LAYOUTS, news_page
from bench.plan import Plan
from bench.programs import host
from freespan import browsers
from freespan.browsers import BrowserError
from freespan.browsers.chromium import ChromiumPage

_LOAD_SECONDS = 30.0
_QUIET_SECONDS = 0.5
"""After the page has loaded: what moves late counts, too."""
_CLICK_SECONDS = 0.3
_UNTOLD_MS = 8.0
"""What a click counts that the browser does not tell of, because it took less than 16 ms."""
_SIZE = {"width": 1000, "height": 800, "deviceScaleFactor": 0, "mobile": False}
_DRAWS, _SURE = 2000, 0.99
_STEPS = {"lcp_ms": 0.0, "cls": 0.0, "inp_ms": 8.0}
"""The vitals, and the step to which the browser rounds each."""


@dataclass(frozen=True)
class Load:
    """One visit."""

    lcp_ms: float
    cls: float
    inp_ms: float
    """Of a click on the page's own button."""
    interactive_ms: float
    """Until the switch can be clicked; 0 if there is none."""
    switch_inp_ms: float
    """Of a click on the switch."""


async def measure_vitals(plan: Plan, figures: Figures) -> None:
    """Measure `switch_interactive_ms`, `switch_inp_ms`, and `lcp_ms`, `cls`, `inp_ms` for each layout."""
    if not is_here("chromium"):
        figures.number("switch_interactive_ms", None)
        return
    async with (
        host() as served,
        news_page(served.url) as url,
        browsers.launch("chromium", width=1000, height=800) as window,
    ):
        first = await window.open("about:blank")
        assert isinstance(first, ChromiumPage)
        await _load(first, url("inline"), True)  # the host's and the browser's own first time does not count
        loads: dict[str, list[Load]] = {}
        for layouts, times in ((LAYOUTS[:1], plan.loads), (LAYOUTS[1:], plan.other_loads)):
            for _ in range(times):
                for layout in ("", *layouts):
                    loads.setdefault(layout, []).append(await _load(first, url(layout), bool(layout)))
    note(loads.pop(""), loads, figures)


def note(without: Sequence[Load], loads: dict[str, list[Load]], figures: Figures) -> None:
    """Make figures of the loads: those without the switch, and those with it by layout, the main one first."""
    main = next(iter(loads))
    figures.median("switch_interactive_ms", [load.interactive_ms for load in loads[main]], 1)
    figures.median("switch_inp_ms", [load.switch_inp_ms for load in loads[main]], 0)
    for vital, step in _STEPS.items():
        plain = [float(getattr(load, vital)) for load in without]
        for layout, found in loads.items():
            name = vital if layout == main else f"{vital}_{layout}"
            dressed = [float(getattr(load, vital)) for load in found]
            values = {
                "without": statistics.median(plain),
                "with": statistics.median(dressed),
                "noise": max(noise(plain, len(dressed)), step),
            }
            figures.number(name, {key: round(value, 4) for key, value in values.items()})
            figures.samples[name] = [round(value, 4) for value in dressed]
        figures.samples[f"{vital}_without"] = [round(value, 4) for value in plain]


def noise(samples: Sequence[float], count: int) -> float:
    """How far two medians of so many loads of one page lie apart by chance: 99 of 100 times no farther than this."""
    draw = random.Random(1)
    apart = sorted(
        abs(statistics.median(draw.choices(samples, k=count)) - statistics.median(draw.choices(samples, k=count)))
        for _ in range(_DRAWS)
    )
    return apart[int(_DRAWS * _SURE)]


async def _load(first: ChromiumPage, url: str, dressed: bool) -> Load:
    async with asyncio.timeout(_LOAD_SECONDS), _first_visit(first) as page:
        await page.navigate(url)
        await page.wait_for("vitals.lcp" + (" && vitals.interactive" if dressed else ""))
        await asyncio.sleep(_QUIET_SECONDS)
        seen = await page.evaluate("vitals")  # before the clicks, which end the search for the largest paint
        inp_ms = await _click(page, "button", "button")
        switch = await _click(page, "freespan-switch >>> [role=switch]", "freespan-switch") if dressed else 0.0
        cls = await page.evaluate("vitals.cls")
    return Load(float(seen["lcp"]), float(cls), inp_ms, float(seen["interactive"]), switch)


async def _click(page: ChromiumPage, selector: str, name: str) -> float:
    """Milliseconds until the frame after a click was drawn, as the browser rounds them: to 8."""
    await page.click(selector)
    try:
        return float(await page.wait_for(f'vitals.clicks["{name}"]', _CLICK_SECONDS))
    except BrowserError:
        return _UNTOLD_MS


@contextlib.asynccontextmanager
async def _first_visit(first: ChromiumPage) -> AsyncIterator[ChromiumPage]:
    """A tab in front, with storage and cache of its own, in which nothing is."""
    commands = first.commands
    context = (await commands.call("Target.createBrowserContext", {}))["browserContextId"]
    try:
        new = {"url": "about:blank", "browserContextId": context}
        target = (await commands.call("Target.createTarget", new))["targetId"]
        attached = await commands.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = ChromiumPage(commands, target, attached["sessionId"])
        await page.call("Emulation.setDeviceMetricsOverride", _SIZE)
        await page.call("Page.bringToFront", {})
        yield page
    finally:
        await commands.call("Target.disposeBrowserContext", {"browserContextId": context})
