"""Bridges of each kind: a real browser with a page whose switch was clicked, or the headless bridge."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from bench.programs import headless_bridge
from bench.switch_page import page_with_switch
from freespan.browsers import find_browsers
from freespan.demo.volunteer import volunteer


def is_installed(kind: str) -> bool:
    """Return whether this kind can be run here; the headless bridge always can."""
    return kind == "headless" or kind in find_browsers()


@contextlib.asynccontextmanager
async def bridge(kind: str, host: str) -> AsyncIterator[None]:
    """Run a bridge for the length of the block; it waits for readers when the block begins.

    Args:
        kind: `chromium`, `firefox` or `headless`.
        host: URL of the host.
    """
    if kind == "headless":
        async with headless_bridge(host):
            yield
        return
    async with page_with_switch(host) as page, volunteer(kind, host=host, news=page):
        yield


async def version_of(kind: str) -> str | None:
    """Return the version of a browser, such as 140.0; None if it is unknown."""
    program = find_browsers().get(kind)
    if program is None:
        return None
    try:
        async with asyncio.timeout(10):
            process = await asyncio.create_subprocess_exec(
                program, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            output, _ = await process.communicate()
    except (TimeoutError, OSError):
        return None
    found = re.search(rb"\d+(?:\.\d+)+", output)
    return found.group().decode() if found else None
