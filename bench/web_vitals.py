"""What the switch costs a page while it loads: the web vitals with and without it, each time as on a first visit."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from bench.bridges import is_installed
from bench.figures import Figures
from bench.news_page import LAYOUTS, news_page
from bench.plan import Plan
from bench.programs import host
from freespan import browsers
from freespan.browsers import BrowserError
from freespan.browsers.chromium import ChromiumPage

_LOAD_SECONDS = 30.0
_QUIET_SECONDS = 0.5
"""Wait after the page has loaded, since late layout shifts count as well."""
_CLICK_SECONDS = 0.3
_SHORT_CLICK_MS = 8.0
"""The value for clicks that the browser does not report, since they took less than 16 ms."""
_SIZE = {"width": 1000, "height": 800, "deviceScaleFactor": 0, "mobile": False}
_DRAWS, _CONFIDENCE = 2000, 0.99
_ROUNDING = {"lcp_ms": 0.0, "cls": 0.0, "inp_ms": 8.0}
"""The web vitals, and the step to which the browser rounds each."""


@dataclass(frozen=True)
class Load:
    """The measurements of one visit."""

    lcp_ms: float
    cls: float
    inp_ms: float
    """Of a click on the page's own button."""
    interactive_ms: float
    """Time until the switch can be clicked; 0 if there is none."""
    switch_inp_ms: float
    """Of a click on the switch."""


async def measure_vitals(plan: Plan, figures: Figures) -> None:
    """Measure `switch_interactive_ms`, `switch_inp_ms`, and `lcp_ms`, `cls`, `inp_ms` for each layout."""
    if not is_installed("chromium"):
        figures.number("switch_interactive_ms", None)
        return
    async with (
        host() as served,
        news_page(served.url) as url,
        browsers.launch("chromium", width=1000, height=800) as browser,
    ):
        first = await browser.open("about:blank")
        assert isinstance(first, ChromiumPage)
        await _load(first, url("inline"), True)  # the first load of host and browser is not counted
        loads: dict[str, list[Load]] = {}
        for layouts, times in ((LAYOUTS[:1], plan.loads), (LAYOUTS[1:], plan.other_loads)):
            for _ in range(times):
                for layout in ("", *layouts):
                    loads.setdefault(layout, []).append(await _load(first, url(layout), bool(layout)))
    add_figures(loads.pop(""), loads, figures)


def add_figures(without: Sequence[Load], loads: dict[str, list[Load]], figures: Figures) -> None:
    """Add the loads to the figures.

    Args:
        without: loads without a switch.
        loads: loads with a switch by layout, the main layout first.
        figures: where to add them.
    """
    main = next(iter(loads))
    figures.median("switch_interactive_ms", [load.interactive_ms for load in loads[main]], 1)
    figures.median("switch_inp_ms", [load.switch_inp_ms for load in loads[main]], 0)
    for vital, step in _ROUNDING.items():
        plain = [float(getattr(load, vital)) for load in without]
        for layout, found in loads.items():
            name = vital if layout == main else f"{vital}_{layout}"
            with_switch = [float(getattr(load, vital)) for load in found]
            values = {
                "without": statistics.median(plain),
                "with": statistics.median(with_switch),
                "noise": max(noise(plain, len(with_switch)), step),
            }
            figures.number(name, {key: round(value, 4) for key, value in values.items()})
            figures.samples[name] = [round(value, 4) for value in with_switch]
        figures.samples[f"{vital}_without"] = [round(value, 4) for value in plain]


def noise(samples: Sequence[float], count: int) -> float:
    """Return how much two medians of `count` loads of the same page differ by chance, at 99 % confidence."""
    draw = random.Random(1)
    apart = sorted(
        abs(statistics.median(draw.choices(samples, k=count)) - statistics.median(draw.choices(samples, k=count)))
        for _ in range(_DRAWS)
    )
    return apart[int(_DRAWS * _CONFIDENCE)]


async def _load(first: ChromiumPage, url: str, with_switch: bool) -> Load:
    async with asyncio.timeout(_LOAD_SECONDS), _first_visit(first) as page:
        await page.navigate(url)
        await page.wait_for("vitals.lcp" + (" && vitals.interactive" if with_switch else ""))
        await asyncio.sleep(_QUIET_SECONDS)
        seen = await page.evaluate("vitals")  # before the clicks, after which the largest paint is no longer updated
        inp_ms = await _click(page, "button", "button")
        switch = await _click(page, "freespan-switch >>> [role=switch]", "freespan-switch") if with_switch else 0.0
        cls = await page.evaluate("vitals.cls")
    return Load(float(seen["lcp"]), float(cls), inp_ms, float(seen["interactive"]), switch)


async def _click(page: ChromiumPage, selector: str, name: str) -> float:
    """Return the milliseconds until the frame after a click was drawn, which the browser rounds to 8."""
    await page.click(selector)
    try:
        return float(await page.wait_for(f'vitals.clicks["{name}"]', _CLICK_SECONDS))
    except BrowserError:
        return _SHORT_CLICK_MS


@contextlib.asynccontextmanager
async def _first_visit(first: ChromiumPage) -> AsyncIterator[ChromiumPage]:
    """Open a tab in the foreground with empty storage and cache of its own."""
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
