"""Makes pictures of the switch in a page, a sheet for each layout: docs/images/switch.

Each sheet shows light and dark windows, of a desktop and of a phone, before the visitor agrees (left to right) and
while the switch helps (right to left). The helping is simulated: the page plays the other tab that works, and serves
the countries.
`python scripts/switch_pictures.py FOLDER` makes pictures of the texts in every language, for inspection.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from freespan.browsers import Page, launch
from freespan.web.static_files import routes

IMAGES = Path(__file__).parent.parent / "docs" / "images" / "switch"
LANGUAGES = Path(routes.__code__.co_filename).parent / "static" / "languages"
SECONDS = 20.0
GLOBE_SECONDS = 1.5
"""Time until the arcs of the globe have arrived."""
DESKTOP, PHONE = (900, 540), (360, 540)
SCALE = 0.55
"""Scale of the windows on a sheet."""
COUNTRIES = {"countries": {"IR": 40, "MM": 12, "CU": 5}, "somewhere": 3}


@dataclass(frozen=True)
class Window:
    """A window with a page that has the switch."""

    layout: str
    size: tuple[int, int]
    lang: str
    helps: bool = False
    more: bool = False
    """Whether "What is this?" is open."""

    def query(self) -> str:
        """Return the query of the page's URL."""
        flags = {"helps": self.helps, "more": self.more}
        return urlencode({"layout": self.layout, "lang": self.lang} | {name: "1" for name, on in flags.items() if on})


LAYOUTS = ("inline", "card", "banner", "floating", "goodbye")

PAGE = r"""<!doctype html><html lang="{lang}" dir="{direction}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>A page</title><style>
  :root {{ scrollbar-width: none }}
  :root {{ --ink: #1a1a1a; --bar: #e7e9ec; background: #fff }}
  @media (prefers-color-scheme: dark) {{ :root {{ --ink: #e8e8e8; --bar: #23272c; background: #101214 }} }}
  * {{ box-sizing: border-box; margin: 0 }}
  body {{ max-width: 760px; margin-inline: auto; padding: 22px 20px; color: var(--ink);
    font: 16px/1.5 system-ui, sans-serif }}
  .bar {{ height: 11px; margin-block-end: 12px; border-radius: 4px; background: var(--bar) }}
  h1 {{ width: 62%; height: 30px; border-radius: 6px; background: var(--bar) }}
  .short {{ width: 55% }}
  .place {{ margin-block: 22px }}
  .card {{ float: inline-end; margin-block: 0 16px; margin-inline: 24px 0 }}
  @media (max-width: 500px) {{ .card {{ float: none; margin-inline: 0 }} }}
  .place.card {{ margin-block-start: 22px }}
  .card + div {{ margin-block-start: 12px }}
</style><h1></h1>
<div class="place {layout}"><freespan-switch {attributes}></freespan-switch></div>{bars}
<script>
  const helps = {helps};
  const shared = `freespan-switch ${{new URL("./", location)}}`;
  const status = {{ state: "helping", reason: "", now: 2, today: 7, ever: 31, megabytes: 96, elsewhere: false }};
  Storage.prototype.getItem = (key) => (helps && key === shared ? JSON.stringify({{ helped: 31 }}) : null);
  if (helps) {{
    navigator.locks.request(shared, () => new Promise(() => {{}}));
    const channel = new BroadcastChannel(shared);
    channel.onmessage = ({{ data }}) => data.hello && channel.postMessage({{ status, welcome: true }});
  }}
</script>
<script type="module" src="switch.js"></script>
<script type="module">
  const one = document.querySelector("freespan-switch");
  const root = one.shadowRoot;
  const now = performance.now.bind(performance);
  performance.now = () => now() + 60_000;
  const buttons = () => [...root.querySelectorAll("[data-action=turn-on]")];
  const asks = () => buttons().filter((yes) => yes.checkVisibility()).every((yes) => !yes.disabled && yes.textContent);
  window.ready = () => {{
    if (one.getAttribute("state") !== (helps ? "helping" : "off")) return false;
    if (root.querySelector(".loading") || !asks()) return false;
    if (one.hasAttribute("goodbye") && !helps && !root.querySelector(".toast")) {{
      document.documentElement.dispatchEvent(new MouseEvent("mouseleave", {{ clientY: -1 }}));
      return false;
    }}
    const more = root.querySelector("[data-action=more]");
    if ({more} && more.getAttribute("aria-expanded") !== "true") more.click();
    if ({more} && !root.querySelector(".panel")) return false;
    if (one.hasAttribute("globe") && !/\p{{Nd}}/u.test(root.querySelector("iframe.globe")?.ariaLabel)) return false;
    const isShut = !root.querySelector(".consent").checkVisibility();
    if (!helps && one.getAttribute("layout") === "floating" && isShut) {{
      root.querySelector("[role=switch]").click();
      return false;
    }}
    root.activeElement?.blur();
    return true;
  }};
</script>"""
DEPTH = 5
"""Colours on a sheet are multiples of this, to keep the files small."""
SHEET = """<!doctype html><style>
  body {{ margin: 0; background: #8d949c; width: {width}px; padding: 12px; box-sizing: border-box }}
  div {{ display: flex; gap: 12px; justify-content: center }} div + div {{ margin-block-start: 12px }}
  canvas, img {{ display: block; border-radius: 4px }}
</style>{rows}<script>
  onload = () => {{
    for (const image of document.querySelectorAll("img")) {{
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.width, image.height];
      const context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(image, 0, 0, image.width, image.height);
      const picture = context.getImageData(0, 0, image.width, image.height);
      picture.data.forEach((value, k, all) => (all[k] = value > 250 ? 255 : Math.round(value / {depth}) * {depth}));
      context.putImageData(picture, 0, 0);
      image.replaceWith(canvas);
    }}
    window.drawn = true;
  }};
</script>"""


async def main() -> None:
    """Make all pictures."""
    folder = IMAGES if len(sys.argv) < 2 else Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    runner = web.AppRunner(application())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        if folder == IMAGES:
            await sheets(url, folder)
        else:
            await languages(url, folder)
    finally:
        await runner.cleanup()


def application() -> web.Application:
    """Return a host without a broker, and a page with its switch."""

    async def page(request: web.Request) -> web.Response:
        query = request.query
        lang, layout = query["lang"], query["layout"]
        goodbye = layout == "goodbye"
        attributes = "goodbye" if goodbye else f'layout="{layout}"'
        direction = json.loads((LANGUAGES / f"{lang}.json").read_text("utf-8"))["direction"]
        flags = {name: "true" if name in query else "false" for name in ("helps", "more")}
        text = PAGE.format(
            lang=lang,
            direction=direction,
            layout=layout,
            attributes=attributes + (" globe" if layout == "card" and "helps" in query else ""),
            bars='<div class="bar"></div><div class="bar"></div><div class="bar short"></div>' * 5,
            **flags,
        )
        return web.Response(text=text, content_type="text/html")

    async def countries(_: web.Request) -> web.Response:
        return web.json_response(COUNTRIES, headers={"Access-Control-Allow-Origin": "*"})

    application = web.Application()
    application.add_routes([web.get("/page", page), web.get("/v1/countries", countries), *routes("")])
    return application


async def sheets(url: str, folder: Path) -> None:
    """Make one sheet for each layout in Chromium, and one of all layouts in Firefox."""
    windows = {
        layout: [
            Window(
                layout,
                size,
                lang,
                helps=lang != "en" and layout != "goodbye",
                more=lang != "en" and layout == "floating",
            )
            for lang in ("en", "fa")
            for size in (DESKTOP, PHONE)
        ]
        for layout in LAYOUTS
    }
    both = [window for layout in LAYOUTS for window in windows[layout]]
    light = await pictures("chromium", url, both, dark=False)
    dark = await pictures("chromium", url, both, dark=True)
    for layout, of_layout in windows.items():
        await sheet([[found[window] for window in of_layout] for found in (light, dark)], folder / f"{layout}.png")
    few = [Window(layout, PHONE, lang, helps=lang != "en") for lang in ("en", "ar") for layout in LAYOUTS[:4]]
    found = await pictures("firefox", url, few, dark=False)
    row = [found[window] for window in few]
    await sheet([row[:4], row[4:]], folder / "firefox.png")


async def pictures(kind: str, url: str, windows: list[Window], *, dark: bool) -> dict[Window, tuple[bytes, float]]:
    """Return PNGs, each with its width on a sheet."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "picture.png"
        async with launch(kind, dark=dark) as browser:
            page = await browser.open("about:blank")
            for window in windows:
                await take(page, url, window, file)
                width, _ = window.size
                found[window] = (file.read_bytes(), width * SCALE)
    return found


async def take(page: Page, url: str, window: Window, file: Path) -> None:
    """Take the picture of one window."""
    await page.resize(*window.size)
    await page.navigate(f"{url}page?{window.query()}")
    await page.wait_for("window.ready?.()", SECONDS)
    await asyncio.sleep(GLOBE_SECONDS if window.layout == "card" and window.helps else 0.4)
    await page.screenshot(file)


async def sheet(rows: list[list[tuple[bytes, float]]], file: Path) -> None:
    """Put pictures side by side."""
    width = max(sum(width + 12 for _, width in row) for row in rows) + 12
    images = [
        "".join(
            f'<img width="{width}" src="data:image/png;base64,{base64.b64encode(png).decode()}">' for png, width in row
        )
        for row in rows
    ]
    with tempfile.TemporaryDirectory() as name:
        page_of_sheet = Path(name) / "sheet.html"
        page_of_sheet.write_text(
            SHEET.format(rows="".join(f"<div>{row}</div>" for row in images), width=width, depth=DEPTH), "utf-8"
        )
        async with launch("chromium", width=round(width)) as browser:
            page = await browser.open(page_of_sheet.as_uri())
            await page.wait_for("window.drawn", SECONDS)
            await page.resize(round(width), await page.evaluate("document.body.offsetHeight"))
            await page.screenshot(file)


async def languages(url: str, folder: Path) -> None:
    """Make pictures of the layouts card and inline, with everything open, in each language."""
    names = sorted(path.stem for path in LANGUAGES.glob("*.json"))
    for start in range(0, len(names), 5):
        few = names[start : start + 5]
        windows = [Window("card", (360, 560), lang) for lang in few]
        windows += [Window("inline", (320, 800), lang, helps=True, more=True) for lang in few]
        found = await pictures("chromium", url, windows, dark=False)
        row = [(png, width / SCALE) for png, width in (found[window] for window in windows)]
        await sheet([row[: len(few)], row[len(few) :]], folder / f"{'-'.join(few)}.png")


if __name__ == "__main__":
    asyncio.run(main())
