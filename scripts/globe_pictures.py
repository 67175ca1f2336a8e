"""Makes pictures of the globe as real browsers draw it, for inspection: `python scripts/globe_pictures.py FOLDER`.

There is one sheet for each browser, light and dark: no readers, some countries, the volunteer's country unknown, many
countries, unknown countries alone, a new reader, and without a canvas. With `--docs` it makes globe-light.png and
globe-dark.png of docs/images.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiohttp import web

from freespan.browsers import find_browsers, launch
from freespan.web.static_files import routes

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SECONDS = 20.0
PAUSE = 2.6
"""Seconds until the arcs have arrived and the welcome of a new reader is half over."""

CASES = {
    "nobody": "{}",
    "some": '{here: "DE", countries: {IR: 40, RU: 12, MM: 5}}',
    "unknown": "{countries: {IR: 120, CN: 300, BY: 8}, somewhere: 3}",
    "many": '{here: "US", countries: {IR: 40, RU: 12, MM: 5, CN: 500, VE: 8, TR: 9, PK: 20, ET: 3, CU: 4}}',
    "somewhere": '{here: "FR", somewhere: 30}',
    "welcome": '{here: "FR", countries: {IR: 12, BY: 4}}',
    "still": '{here: "BR", countries: {VE: 12, CU: 4}}',
    "picture": '{here: "DE", countries: {IR: 40, RU: 12, MM: 5}, somewhere: 10}',
}
PAGE = """<!doctype html><meta name="viewport" content="width=device-width">
<style>
  :root {{ color-scheme: {scheme}; }}
  body {{ margin: 0; padding: 16px; background: {ground}; color: {ink}; font: 13px system-ui; }}
  main {{ display: grid; grid-template-columns: repeat(auto-fill, {size}px); gap: 16px; }}
  div {{ width: {size}px; --globe-accent: {accent}; }}
</style><main></main>
<script type="module">
  import {{ Globe }} from "./globe/globe.js";
  const cases = {{ {cases} }};
  window.globes = {{}};
  const real = HTMLCanvasElement.prototype.getContext;
  for (const [name, news] of Object.entries(cases)) {{
    const place = document.createElement("div");
    document.querySelector("main").append(place);
    HTMLCanvasElement.prototype.getContext = name === "picture" ? () => null : real;
    const globe = (window.globes[name] = new Globe(place, {{ reducedMotion: name === "still" ? true : undefined }}));
    globe.show(news);
    if ({captions}) place.append(name);
  }}
  setTimeout(() => {{ window.globes.welcome?.welcome(); }}, 1700);
</script>"""
LOOKS = {
    False: {"scheme": "light", "ground": "#fff", "ink": "#17212b", "accent": "#0a7f60"},
    True: {"scheme": "dark", "ground": "#161c23", "ink": "#eef3f6", "accent": "#2fcf9f"},
}


async def main(folder: Path, *, for_docs: bool) -> None:
    """Serve the page, and take the pictures."""
    names = ["some"] if for_docs else list(CASES)
    size = 320 if for_docs else 260

    async def page(request: web.Request) -> web.Response:
        cases = ", ".join(f"{name}: {CASES[name]}" for name in names)
        look = LOOKS[request.query["dark"] == "True"]
        captions = str(not for_docs).lower()
        return web.Response(
            text=PAGE.format(cases=cases, size=size, captions=captions, **look), content_type="text/html"
        )

    app = web.Application()
    app.add_routes([web.get("/look", page), *routes("http://127.0.0.1")])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/look"
        for kind in ["chromium"] if for_docs else sorted(find_browsers()):
            for dark in LOOKS:
                name = (
                    f"globe-{'dark' if dark else 'light'}.png"
                    if for_docs
                    else f"{kind}-{'dark' if dark else 'light'}.png"
                )
                await picture(kind, f"{url}?dark={dark}", folder / name, dark=dark, small=for_docs)
    finally:
        await runner.cleanup()


async def picture(kind: str, url: str, path: Path, *, dark: bool, small: bool) -> None:
    """Take the picture of one sheet."""
    width, height = (352, 352) if small else (1140, 620)
    async with launch(kind, width=width, height=height, dark=dark) as browser:
        page = await browser.open(url)
        await page.wait_for("window.globes && true", SECONDS)
        await asyncio.sleep(PAUSE)
        await page.screenshot(path)
        await page.close()


if __name__ == "__main__":
    docs = "--docs" in sys.argv
    target = IMAGES if docs else Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, for_docs=docs))
