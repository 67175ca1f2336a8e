"""Bridges by kind: a real browser that opened a page and whose switch was clicked, or the headless one."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from bench.page import page_with_switch
from bench.programs import headless_bridge
from freespan.browsers import find_browsers
from freespan.demo.volunteer import volunteer


def is_here(kind: str) -> bool:
    """Whether this machine has such a browser; the headless bridge is everywhere."""
    return kind == "headless" or kind in find_browsers()


@contextlib.asynccontextmanager
async def bridge(kind: str, host: str) -> AsyncIterator[None]:
    """A bridge of this kind that waits at `host` for the length of the block."""
    if kind == "headless":
        async with headless_bridge(host):
            yield
        return
    async with page_with_switch(host) as page, volunteer(kind, host=host, news=page):
        yield


async def version_of(kind: str) -> str | None:
    """The browser's version, such as 140.0; None if it is not here or does not say."""
    program = find_browsers().get(kind)
    if program is None:
        return None
    try:
        async with asyncio.timeout(10):
            process = await asyncio.create_subprocess_exec(
                program, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            said, _ = await process.communicate()
    except (TimeoutError, OSError):
        return None
    found = re.search(rb"\d+(?:\.\d+)+", said)
    return found.group().decode() if found else None
