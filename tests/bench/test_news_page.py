"""The page that web vitals are measured with."""

import aiohttp

from bench.news_page import LAYOUTS, news_page


async def test_the_news_page_differs_by_the_switch_alone() -> None:
    async with news_page("http://127.0.0.1:1/x") as url, aiohttp.ClientSession() as http:

        async def text(layout: str) -> str:
            async with http.get(url(layout)) as response:
                return await response.text()

        plain, inline = await text(""), await text("inline")
        assert "freespan-switch" not in plain
        reserved = "freespan-switch { display: block; min-height: 69px }"
        line = (
            '<script type="module" src="http://127.0.0.1:1/x/switch.js"></script>'
            '<freespan-switch layout="inline"></freespan-switch>'
        )
        assert inline.replace(line, "").replace(reserved, "") == plain
        for layout in LAYOUTS:
            assert f'layout="{layout}"' in await text(layout)
        async with http.get(url("").replace("/page/", "/picture.png")) as picture:
            assert (await picture.read()).startswith(b"\x89PNG")
