"""Makes the pictures of the docs from the real programs, in a real Chromium: `make screenshots`.

They show the demo's terminal (docs/images/demo.png), and the states of the switch in a light and in a dark page
(docs/images/switch.png).
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from aiohttp import web
from rich.console import Console

from freespan.browsers import launch
from freespan.browsers.switch import turn_on
from freespan.demo.display import Display
from freespan.demo.programs import freespan_command, running
from freespan.demo.steps import Report, Step

IMAGES = Path(__file__).parent.parent / "docs" / "images"
TERMINAL_WIDTH = 80
SECONDS = 60.0
STATES = ("off", "waiting", "helping")
SWITCH = "document.querySelector('freespan-switch').getAttribute('state')"
STILL = "!document.querySelector('freespan-switch').shadowRoot.querySelector('button').getAnimations().length"


async def main() -> None:
    """Make all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await picture_of_demo(folder)
        await picture_of_switch(folder)


async def picture_of_demo(folder: Path) -> None:
    """Run the demo, and draw what it displayed."""
    command = freespan_command(["demo", "--once", "--json"])
    done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True, timeout=2 * SECONDS)
    result = json.loads(done.stdout)
    report = Report(**(result | {"steps": [Step(**step) for step in result["steps"]]}))
    display = Display(width=TERMINAL_WIDTH, file=io.StringIO())
    display.console = Console(
        width=TERMINAL_WIDTH, record=True, file=io.StringIO(), force_terminal=True, highlight=False
    )
    display.title()
    for step in report.steps:
        display.step_ended(step)
    display.summary(report)
    svg = folder / "demo.svg"
    svg.write_text(display.console.export_svg(title="make demo"), encoding="utf-8")
    async with launch("chromium", width=1000, height=620) as browser:
        page = await browser.open(svg.as_uri())
        await page.screenshot(IMAGES / "demo.png")


async def picture_of_switch(folder: Path) -> None:
    """The switch off, waiting and helping, in a light and in a dark page, on one sheet."""
    arguments = ["serve", "--json", "--print-invite", "--port", "0", "--allow-private", "--data", str(folder / "data")]
    async with running(*arguments) as host:
        ready = await host.event(lambda event: event.get("event") == "ready", SECONDS)
        pages = {dark: await pictures_of_states(ready, folder, dark=dark) for dark in (False, True)}
    sheet = folder / "sheet.html"
    rows = "".join(row(pages[dark], dark=dark) for dark in (False, True))
    sheet.write_text(SHEET.format(rows=rows), encoding="utf-8")
    async with launch("chromium", width=1300, height=236) as browser:
        page = await browser.open(sheet.as_uri())
        await page.screenshot(IMAGES / "switch.png")


async def pictures_of_states(ready: dict[str, str], folder: Path, *, dark: bool) -> list[Path]:
    """One visitor's switch as it goes from off to helping."""
    files = [folder / f"{state}-{dark}.png" for state in STATES]
    background = "#0d1217" if dark else "#f4f6f8"
    page_text = f"<!doctype html><style>body{{margin:16px;background:{background}}}</style>{ready['embed']}"

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=page_text, content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with launch("chromium", width=420, height=102, dark=dark) as browser:
            page = await browser.open(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            await page.wait_for(f"{SWITCH} === 'off'", SECONDS)
            await page.screenshot(files[0])
            await turn_on(page)
            await page.wait_for(f"{SWITCH} === 'waiting' && {STILL}", SECONDS)
            await page.screenshot(files[1])
            async with running("connect", "--port", "0", "--json", invite=ready["invite"]) as client:
                await client.event(lambda event: event.get("state") == "open", SECONDS)
                await page.wait_for(f"{SWITCH} === 'helping'", SECONDS)
                await page.screenshot(files[2])
    finally:
        await runner.cleanup()
    return files


def row(files: list[Path], *, dark: bool) -> str:
    """Pictures side by side."""
    pictures = [base64.b64encode(file.read_bytes()).decode() for file in files]
    images = "".join(f'<img width="420" src="data:image/png;base64,{picture}">' for picture in pictures)
    return f'<div class="{"dark" if dark else "light"}">{images}</div>'


SHEET = """<!doctype html><style>
body {{ margin: 0 }} div {{ display: flex; justify-content: center; padding: 8px }}
.light {{ background: #f4f6f8 }} .dark {{ background: #0d1217 }}
</style>{rows}"""


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
