"""Makes the picture of the extension's popup for the docs: part of `make screenshots`.

It uses a real Chromium with the extension, a real host and a real reader (docs/images/extension.png).
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from pathlib import Path

from freespan.browsers import launch
from freespan.demo.programs import running
from scripts import make_extension

IMAGE = Path(__file__).parent.parent / "docs" / "images" / "extension.png"
SECONDS = 60.0
WIDTH = 360
HEIGHT = 430
HEIGHT_HELPING = 190

_SHEET = """<!doctype html><style>
body {{ margin: 0; padding: 16px; background: #7d8994; display: grid; grid-template-columns: repeat(4, auto);
  gap: 16px; justify-content: center; align-items: start }}
img {{ display: block; border-radius: 10px }}
img:nth-child(even) {{ width: {width}px; height: {height}px; object-fit: none; object-position: top }}
</style>{images}"""


async def main() -> None:
    """Show the question and the popup while a reader is helped, both light and dark."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        extension = folder / "extension"
        make_extension.write(make_extension.files_of("chromium"), extension)
        arguments = [
            "serve",
            "--json",
            "--print-invite",
            "--port",
            "0",
            "--allow-private",
            "--data",
            str(folder / "data"),
        ]
        async with running(*arguments) as host:
            ready = await host.event(lambda event: event.get("event") == "ready", SECONDS)
            pictures = [picture for dark in (False, True) for picture in await _pictures(ready, extension, dark=dark)]
        async with launch("chromium", width=4 * (WIDTH + 16) + 16, height=HEIGHT + 32) as browser:
            page = await browser.open(_sheet(pictures, folder / "sheet.html"))
            await page.screenshot(IMAGE)


async def _pictures(ready: dict[str, str], extension: Path, *, dark: bool) -> list[Path]:
    files = {state: extension.parent / f"{state}-{dark}.png" for state in ("asking", "helping")}
    async with launch("chromium", width=WIDTH, height=HEIGHT, dark=dark, extension=extension) as browser:
        page = await browser.open(f"{browser.extension}/popup.html")
        await page.wait_for("document.body.dataset.state === 'off'", SECONDS)
        await page.evaluate(f"document.querySelector('#host-input').value = {json.dumps(ready['embed'])}")
        await page.click("#host-form button")
        await page.wait_for("!document.querySelector('#consent').hidden", SECONDS)
        await page.screenshot(files["asking"])
        await page.click("[data-action=turn-on]")
        await page.wait_for("document.body.dataset.state === 'waiting'", SECONDS)
        async with running("connect", "--port", "0", "--json", invite=ready["invite"]) as client:
            await client.event(lambda event: event.get("state") == "open", SECONDS)
            await page.wait_for("document.querySelector('#today').textContent === '1'", SECONDS)
            await page.screenshot(files["helping"])
    return [*files.values()]


def _sheet(pictures: list[Path], sheet: Path) -> str:
    """Put pictures side by side; returns the URL of the page."""
    images = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}">' for picture in pictures
    )
    sheet.write_text(_SHEET.format(images=images, width=WIDTH, height=HEIGHT_HELPING), encoding="utf-8")
    return sheet.as_uri()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
