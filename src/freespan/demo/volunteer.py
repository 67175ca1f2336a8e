"""The volunteer: a real browser in which the switch of the news page is clicked, or the headless bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

from freespan import browsers
from freespan.browsers.switch import turn_on
from freespan.demo.errors import DemoError, one_line
from freespan.demo.programs import running
from freespan.demo.settings import DemoSettings
from freespan.wire.errors import FreespanError

KINDS = ("chromium", "firefox", "headless")
"""The kinds of volunteers, in the order in which the demo prefers them."""

_SWITCH = 'document.querySelector("freespan-switch")'


@dataclass(frozen=True, slots=True)
class JoinedBridge:
    """A bridge that waits for readers."""

    kind: str
    """One of KINDS."""
    detail: str
    """What it is, in a few words for people."""


Join = Callable[[str], AbstractAsyncContextManager[JoinedBridge]]
"""Makes a bridge of one of KINDS join for the length of a block."""


@contextlib.asynccontextmanager
async def volunteer(
    kind: str, *, host: str, news: str, settings: DemoSettings | None = None
) -> AsyncIterator[JoinedBridge]:
    """Run a bridge of this kind for the length of the block.

    Args:
        kind: one of KINDS.
        host: URL of the host that the headless bridge joins.
        news: URL of the page with the switch, which a browser opens.
        settings: time limits.

    Raises:
        DemoError: it did not start, or did not join in time.
    """
    settings = settings or DemoSettings()
    joining = _headless(host, settings) if kind == "headless" else _in_browser(kind, news, settings)
    async with joining as joined:
        yield joined


async def first_to_join(
    kinds: tuple[str, ...], join: Join, stack: AsyncExitStack, on_failure: Callable[[str], None]
) -> JoinedBridge:
    """Try the kinds in turn and enter the first one that joins on `stack`.

    Args:
        kinds: at least one.
        join: joins a bridge of one kind.
        stack: ends the bridge.
        on_failure: gets one line about each kind that failed, except the last.

    Raises:
        FreespanError: none joined; this is the error of the last one.
    """
    for kind in kinds[:-1]:
        try:
            return await stack.enter_async_context(join(kind))
        except (FreespanError, OSError) as error:
            on_failure(f"{kind} could not join ({one_line(error)})")
    return await stack.enter_async_context(join(kinds[-1]))


def kinds_to_try(forced: str | None, installed: Collection[str]) -> tuple[str, ...]:
    """Return the forced kind alone, or else the installed browsers and then the headless bridge."""
    if forced is not None:
        return (forced,)
    return tuple(kind for kind in KINDS if kind == "headless" or kind in installed)


@contextlib.asynccontextmanager
async def _headless(host: str, settings: DemoSettings) -> AsyncIterator[JoinedBridge]:
    async with running("bridge", host, "--json", command=settings.command) as program:
        await program.event(lambda event: event.get("state") == "waiting", settings.join_seconds, "bridge that waits")
        yield JoinedBridge("headless", "the headless bridge, no browser")


@contextlib.asynccontextmanager
async def _in_browser(kind: str, news: str, settings: DemoSettings) -> AsyncIterator[JoinedBridge]:
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(settings.browser_seconds):
                browser = await stack.enter_async_context(browsers.launch(kind, width=1000, height=800))
                page = await browser.open(news)
                await turn_on(page)
                await page.wait_for(f'{_SWITCH}.getAttribute("state") === "waiting"', settings.join_seconds)
        except TimeoutError:
            raise DemoError(f"{kind}: the switch was not waiting within {settings.browser_seconds:g} s") from None
        yield JoinedBridge(kind, f"real {kind.capitalize()}: page opened, switch clicked")
