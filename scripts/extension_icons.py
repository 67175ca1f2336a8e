"""Makes the icons of the extension from that of the pages, with Chromium: green for on, grey for off."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path

from freespan.browsers import Page, launch

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "freespan" / "web" / "static" / "pages" / "icon.svg"
ICONS = ROOT / "extension" / "icons"
GREEN = "#0a7f60"
COLOURS = {"on": GREEN, "off": "#6f7c89"}
SIZES = {"on": (16, 32, 48, 128), "off": (16, 32, 48)}
"""In pixels; the largest one is for lists of extensions, which show no state."""


async def main() -> None:
    async with launch("chromium") as browser:
        page = await browser.open("about:blank")
        for kind, sizes in SIZES.items():
            for size in sizes:
                (ICONS / f"{kind}-{size}.png").write_bytes(await _drawn(page, COLOURS[kind], size))


async def _drawn(page: Page, colour: str, size: int) -> bytes:
    svg = SOURCE.read_text("utf-8").replace(GREEN, colour)
    drawn = await page.evaluate(f"""(async () => {{
        const image = new Image({size}, {size});
        image.src = "data:image/svg+xml," + encodeURIComponent({json.dumps(svg)});
        await image.decode();
        const canvas = Object.assign(document.createElement("canvas"), {{ width: {size}, height: {size} }});
        canvas.getContext("2d").drawImage(image, 0, 0, {size}, {size});
        return canvas.toDataURL("image/png");
    }})()""")
    return base64.b64decode(drawn.partition(",")[2])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
