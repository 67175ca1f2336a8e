"""A browser's page that does as it is told: for calls from browser to browser, with which the product is compared.

`python -m lab.page BROWSER URL FILE…` opens the page and takes orders from its standard input, one JSON object a line:
`{"script": …}`, a JavaScript expression that may await. Its answer is one line too, `{"event": "value", "value": …}` or
`{"event": "value", "why": …}`. The files are certificates, as in `window.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from freespan.browsers import BrowserError, Page
from freespan.cli.running import run_until_stopped
from lab.window import BROWSERS, browsing


async def _obey(kind: str, url: str, trusted: Sequence[Path]) -> None:
    lines = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        async with browsing(kind, trusted) as browser:
            page = await browser.open(url)
            print(json.dumps({"event": "ready"}), flush=True)
            while line := await lines.readline():
                print(json.dumps({"event": "value", **await _value(page, json.loads(line)["script"])}), flush=True)
    finally:
        transport.close()


async def _value(page: Page, script: str) -> dict[str, object]:
    try:
        return {"value": await page.evaluate(script)}
    except BrowserError as error:
        return {"why": str(error)}


def main() -> None:
    """See above."""
    parser = argparse.ArgumentParser(prog="lab.page")
    parser.add_argument("browser", choices=BROWSERS)
    parser.add_argument("url")
    parser.add_argument("trusted", nargs="*", type=Path)
    given = parser.parse_args()
    run_until_stopped(_obey(given.browser, given.url, given.trusted), verbose=False)


if __name__ == "__main__":
    main()
