"""The volunteer: a real browser whose switch is clicked on the news page, or the headless bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from freespan import browsers
from freespan.browsers.switch import turn_on
from freespan.demo.errors import DemoError, one_line
from freespan.demo.programs import running
from freespan.wire.errors import FreespanError

KINDS = ("chromium", "firefox", "headless")
"""In the order in which the demo prefers them."""

BROWSER_SECONDS = 45.0
"""From starting the browser to a switch that waits."""
JOIN_SECONDS = 15.0
"""From the click, or from the start of the headless bridge, to waiting."""

_SWITCH = 'document.querySelector("freespan-switch")'


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge that waits for readers."""

    kind: str
    detail: str


@contextlib.asynccontextmanager
async def volunteer(kind: str, *, host: str, news: str) -> AsyncIterator[Bridge]:
    """Have a bridge of this kind for the length of the block.

    Args:
        kind: one of KINDS.
        host: URL of the host, which the headless bridge joins.
        news: URL of the page with the switch, which a browser opens.

    Raises:
        DemoError: it did not start, or did not join in time.
    """
    if kind == "headless":
        async with _headless(host) as joined:
            yield joined
    else:
        async with _in_browser(kind, news) as joined:
            yield joined


async def first_volunteer(
    kinds: tuple[str, ...], stack: AsyncExitStack, *, host: str, news: str, on_trouble: Callable[[str], None]
) -> Bridge:
    """Enter, on `stack`, the first kind that joins; `on_trouble` hears why another one did not.

    Raises:
        DemoError: none did; the text is the last one's cause.
    """
    for kind in kinds[:-1]:
        try:
            return await stack.enter_async_context(volunteer(kind, host=host, news=news))
        except (FreespanError, OSError) as error:
            on_trouble(f"{kind} could not join ({one_line(error)})")
    return await stack.enter_async_context(volunteer(kinds[-1], host=host, news=news))


def kinds_to_try(forced: str | None) -> tuple[str, ...]:
    """Return the forced kind alone, or else all that this machine has; the headless one is always there."""
    if forced is not None:
        return (forced,)
    found = browsers.find_browsers()
    return tuple(kind for kind in KINDS if kind == "headless" or kind in found)


@contextlib.asynccontextmanager
async def _headless(host: str) -> AsyncIterator[Bridge]:
    async with running("bridge", host, "--json") as program:
        await program.event(lambda event: event.get("state") == "waiting", JOIN_SECONDS, "bridge that waits")
        yield Bridge("headless", "the headless bridge, no browser")


@contextlib.asynccontextmanager
async def _in_browser(kind: str, news: str) -> AsyncIterator[Bridge]:
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(BROWSER_SECONDS):
                window = await stack.enter_async_context(browsers.launch(kind, width=1000, height=800))
                page = await window.open(news)
                await turn_on(page)
                await page.wait_for(f'{_SWITCH}.getAttribute("state") === "waiting"', JOIN_SECONDS)
        except TimeoutError:
            raise DemoError(f"{kind}: no switch that waits within {BROWSER_SECONDS:g} s") from None
        yield Bridge(kind, f"real {kind.capitalize()}: page opened, switch clicked")
