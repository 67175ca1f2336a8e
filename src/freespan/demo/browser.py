"""Real browsers for the demo, the tests and the bench: start one, open pages, click as a person does.

Chromium is driven by CDP and Firefox by WebDriver BiDi, both over a WebSocket on loopback, so that whatever
browser the system has can be used as it is, without a driver program beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from freespan.demo.browser_base import Browser, BrowserError, Page
from freespan.demo.chromium import launch_chromium
from freespan.demo.firefox import launch_firefox

__all__ = ["Browser", "BrowserError", "Page", "find_browsers", "launch"]

_NAMES = {
    "chromium": (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ),
    "firefox": ("firefox-esr", "firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"),
}


def find_browsers() -> dict[str, Path]:
    """The browsers of this machine: `chromium` and `firefox`, each only if it is there."""
    found: dict[str, Path] = {}
    for kind, names in _NAMES.items():
        program = next(filter(None, map(shutil.which, names)), None)
        if program:
            found[kind] = Path(program)
    return found


@asynccontextmanager
async def launch(
    kind: str,
    *,
    width: int = 1280,
    height: int = 800,
    dark: bool = False,
    extension: Path | None = None,
    profile: Path | None = None,
) -> AsyncIterator[Browser]:
    """Run a headless browser for the length of the block; nothing of it stays but a given profile, whatever happens.

    Args:
        kind: `chromium` or `firefox`.
        width: of each page, in CSS pixels.
        height: of each page, in CSS pixels.
        dark: whether pages see `prefers-color-scheme: dark`.
        extension: a folder with a browser extension to load, for the address of which see `Browser.extension`.
        profile: a folder for all that the browser remembers, to start it again with that; a temporary one if left out.

    Raises:
        BrowserError: it is not installed, or did not start in time.
    """
    program = find_browsers().get(kind)
    if program is None:
        raise BrowserError(f"no {kind} found; known names: {', '.join(_NAMES.get(kind, ())) or 'none'}")
    start = launch_chromium if kind == "chromium" else launch_firefox
    browser = await start(program, width, height, dark, extension, profile)
    try:
        yield browser
    finally:
        await browser.close()
