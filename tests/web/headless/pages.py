"""What the tests of the headless API do with a page (conftest.py)."""

from __future__ import annotations

import json
from typing import Any

from freespan.browsers import Page
from tests.web.fakes import Bridge, FakeHost

QUICK = "<script>const later = setTimeout; window.setTimeout = (call, ms) => later(call, ms / 10)</script>"
"""Timers of the page that do not let tests wait; the frame still has a second to load, also on a busy machine."""


async def status(page: Page, seconds: float = 10, **wanted: Any) -> dict[str, Any]:
    """Wait until the status has these values."""
    conditions = [f"window.freespan?.status.{name} === {json.dumps(value)}" for name, value in wanted.items()]
    found: dict[str, Any] = await page.wait_for(f"{' && '.join(conditions)} && window.freespan.status", seconds)
    return found


async def start(page: Page, host: FakeHost, **options: Any) -> Bridge:
    """Turn the bridge of a page on, and return the bridge that comes to the broker."""
    await page.wait_for("!!window.freespan")
    await page.evaluate(f"window.freespan.set({json.dumps(options)})")
    await page.evaluate("window.freespan.start()")
    bridge = await host.bridge(options.get("capacity", 4))
    await status(page, state="waiting", elsewhere=False)
    return bridge


async def call(page: Page, host: FakeHost, module: str, script: str) -> Any:
    """What a script makes of a module of the host."""
    return await page.evaluate(f"""await (async () => {{
        const module = await import("{host.url}/{module}");
        {script}
    }})()""")
