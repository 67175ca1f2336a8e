"""A volunteer with a real browser: opens a page, clicks its switch, and stays; says so in lines of JSON.

It runs inside the volunteer's node, as the browser does, because the browser's control port is on that node's loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

from freespan.cli.running import run_until_stopped
from freespan.demo.browser import find_browsers
from freespan.demo.chromium import launch_chromium
from freespan.demo.errors import DemoError

START_SECONDS = 60.0
_SWITCH = 'document.querySelector("freespan-switch")'


async def _help(url: str, trusted: str) -> None:
    with tempfile.TemporaryDirectory(prefix="freespan-lab-") as folder:
        browser = await launch_chromium(_trusting(Path(folder), trusted), 1000, 800, dark=False)
        try:
            async with asyncio.timeout(START_SECONDS):
                page = await browser.open(url)
                await page.wait_for(f'customElements.get("freespan-switch") && {_SWITCH}.getAttribute("state")')
                await page.click("freespan-switch")
            state = ""
            while True:
                now = await page.evaluate(f'{_SWITCH}.getAttribute("state")')
                if now != state:
                    state = str(now)
                    print(json.dumps({"event": "state", "state": state}), flush=True)
                await asyncio.sleep(0.1)
        finally:
            await browser.close()


def _trusting(folder: Path, trusted: str) -> Path:
    """A Chromium that takes the lab's certificates, by the hashes of their keys, and the system's: no other ones."""
    program = find_browsers().get("chromium")
    if program is None:
        raise DemoError("no Chromium here: run scripts/install-browsers.sh")
    script = folder / "chromium"
    script.write_text(f'#!/bin/sh\nexec {program} --ignore-certificate-errors-spki-list={trusted} "$@"\n')
    script.chmod(0o700)
    return script


def main() -> None:
    """`python -m lab.window URL HASHES`; the hashes are SHA-256 of public keys in base64, with commas between them."""
    parser = argparse.ArgumentParser(prog="lab.window")
    parser.add_argument("url")
    parser.add_argument("trusted")
    given = parser.parse_args()
    run_until_stopped(_help(given.url, given.trusted), verbose=False)


if __name__ == "__main__":
    main()
