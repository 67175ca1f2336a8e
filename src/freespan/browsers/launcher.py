"""Finds the browsers of this machine and starts one for the length of a block."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from freespan.browsers.browser import Browser
from freespan.browsers.chromium import launch_chromium
from freespan.browsers.errors import BrowserError
from freespan.browsers.firefox import launch_firefox

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
    """Return the installed browsers: `chromium` and `firefox`, each only if it is there."""
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
    proxy: str | None = None,
) -> AsyncIterator[Browser]:
    """Run a headless browser for the length of the block. Nothing of it remains afterwards but a given profile.

    Args:
        kind: `chromium` or `firefox`.
        width: of each page, in CSS pixels.
        height: of each page, in CSS pixels.
        dark: whether pages see `prefers-color-scheme: dark`.
        extension: a folder with a browser extension to load; `Browser.extension` has the address of its pages.
        profile: a folder that keeps what the browser stores, so that it can be started again with it; a temporary
            one if left out.
        proxy: `host:port` of a proxy that speaks HTTP and SOCKS, which everything is to go through; or the URL of a PAC
            script.

    Raises:
        BrowserError: it is not installed, or did not start in time.
    """
    program = find_browsers().get(kind)
    if program is None:
        raise BrowserError(f"no {kind} found; known names: {', '.join(_NAMES.get(kind, ())) or 'none'}")
    start = launch_chromium if kind == "chromium" else launch_firefox
    browser = await start(program, width, height, dark, extension, profile, proxy)
    try:
        yield browser
    finally:
        await browser.close()
