"""A page in a browser that evaluates scripts on request: for calls between browsers, with which freespan is compared.

`python -m lab.scripted_page BROWSER URL FILE…` opens the page and reads requests from its standard input, one JSON
object a line: `{"script": …}`, a JavaScript expression that may await. The answer is one line as well,
`{"event": "value", "value": …}` or `{"event": "value", "why": …}`. The files are certificates, as in
`trusting_browser`.
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
from lab.trusting_browser import BROWSERS, running_browser


async def _serve(kind: str, url: str, trusted: Sequence[Path]) -> None:
    lines = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    try:
        async with running_browser(kind, trusted) as browser:
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
    """Run the command that the module documents."""
    parser = argparse.ArgumentParser(prog="lab.scripted_page")
    parser.add_argument("browser", choices=BROWSERS)
    parser.add_argument("url")
    parser.add_argument("trusted", nargs="*", type=Path)
    given = parser.parse_args()
    run_until_stopped(_serve(given.browser, given.url, given.trusted), verbose=False)


if __name__ == "__main__":
    main()
