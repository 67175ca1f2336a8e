"""Bridges that are there to be killed, in the way that leaves no time for a goodbye (SIGKILL)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from bench.page import page_with_switch
from bench.programs import helper
from freespan import browsers
from freespan.browsers.switch import turn_on

Kill = Callable[[], None]

VICTIMS = ("headless", "chromium")
_RATE, _DELAY_MS = 8.0, 10.0
"""Of a headless one: 10^6 bytes a second, and one way. A browser goes as fast as it can."""
_BROWSER_SECONDS = 45.0
_SWITCH = 'document.querySelector("freespan-switch")'


def victim(kind: str, url: str) -> AbstractAsyncContextManager[Kill]:
    """A bridge of one of VICTIMS that waits at a host; yields what kills it."""
    return _chromium(url) if kind == "chromium" else limited(url, _RATE, _DELAY_MS)


@contextlib.asynccontextmanager
async def limited(url: str, rate: float, delay_ms: float) -> AsyncIterator[Kill]:
    """A headless bridge with so slow an uplink: 10^6 bytes a second, milliseconds one way."""
    async with helper("limited_bridge", url, str(rate), str(delay_ms)) as (bridge, _):
        yield lambda: os.kill(bridge.pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _chromium(url: str) -> AsyncIterator[Kill]:
    """A browser with a profile of its own; all its processes die at once."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(_BROWSER_SECONDS):
            news = await stack.enter_async_context(page_with_switch(url))
            window = await stack.enter_async_context(browsers.launch("chromium", width=1000, height=800))
            page = await window.open(news)
            await turn_on(page)
            await page.wait_for(f'{_SWITCH}.getAttribute("state") === "waiting"')
        yield window.kill
