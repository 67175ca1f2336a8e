"""A volunteer with a real browser: it opens a page, clicks the switch, and reports each state of the switch as JSON.

`python -m lab.browser_volunteer BROWSER URL FILE…` runs until it is stopped. The files are certificates, as in
`trusting_browser`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from freespan.browsers.switch import turn_on
from freespan.cli.running import run_until_stopped
from lab.trusting_browser import BROWSERS, running_browser

_START_SECONDS = 60.0
_SWITCH = 'document.querySelector("freespan-switch")'


async def _volunteer(kind: str, url: str, trusted: Sequence[Path]) -> None:
    async with running_browser(kind, trusted) as browser:
        async with asyncio.timeout(_START_SECONDS):
            page = await browser.open(url)
            await turn_on(page)
        state = ""
        while True:
            now = await page.evaluate(f'{_SWITCH}.getAttribute("state")')
            if now != state:
                state = str(now)
                print(json.dumps({"event": "state", "state": state}), flush=True)
            await asyncio.sleep(0.1)


def main() -> None:
    """Run the command that the module documents."""
    parser = argparse.ArgumentParser(prog="lab.browser_volunteer")
    parser.add_argument("browser", choices=BROWSERS)
    parser.add_argument("url")
    parser.add_argument("trusted", nargs="*", type=Path)
    given = parser.parse_args()
    run_until_stopped(_volunteer(given.browser, given.url, given.trusted), verbose=False)


if __name__ == "__main__":
    main()
