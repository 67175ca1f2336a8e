"""Bridges that a measurement kills with SIGKILL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from bench.programs import helper
from bench.switch_page import page_with_switch
from freespan import browsers
from freespan.browsers.switch import turn_on

Kill = Callable[[], None]

KINDS = ("headless", "chromium")
_RATE, _DELAY_MS = 8.0, 10.0
"""Of a headless bridge: 10^6 bytes a second, and one way. A browser is not limited."""
_BROWSER_SECONDS = 45.0
_SWITCH = 'document.querySelector("freespan-switch")'


def killable_bridge(kind: str, url: str) -> AbstractAsyncContextManager[Kill]:
    """Run a bridge for the length of the block; yields a function that kills it.

    Args:
        kind: one of KINDS.
        url: of the host.
    """
    return _chromium(url) if kind == "chromium" else limited(url, _RATE, _DELAY_MS)


@contextlib.asynccontextmanager
async def limited(url: str, rate: float, delay_ms: float) -> AsyncIterator[Kill]:
    """Run a headless bridge with a limited uplink: 10^6 bytes a second, milliseconds one way."""
    async with helper("limited_bridge", url, str(rate), str(delay_ms)) as (bridge, _):
        yield lambda: os.kill(bridge.pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _chromium(url: str) -> AsyncIterator[Kill]:
    """Run a browser as a bridge; the function kills all its processes."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(_BROWSER_SECONDS):
            news = await stack.enter_async_context(page_with_switch(url))
            browser = await stack.enter_async_context(browsers.launch("chromium", width=1000, height=800))
            page = await browser.open(news)
            await turn_on(page)
            await page.wait_for(f'{_SWITCH}.getAttribute("state") === "waiting"')
        yield browser.kill
