"""The switch in a frame, for sites that allow no script: `/embed`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from freespan.browsers import Browser, Page
from tests.web.fakes import FakeHost, FakeSite, served, soon

pytestmark = pytest.mark.asyncio(loop_scope="session")

SWITCH = "document.querySelector('freespan-switch')"
THERE = f"{SWITCH}?.getAttribute('state')"
ATTRIBUTES = f"Object.fromEntries([...{SWITCH}.attributes].map(({{ name, value }}) => [name, value]))"


@asynccontextmanager
async def embedded(browser: Browser, host: FakeHost, query: str) -> AsyncIterator[Page]:
    """The page with this query, when its switch is there."""
    page = await browser.open(f"{host.url}/embed?{query}")
    try:
        assert await page.wait_for(THERE) == "off"
        yield page
    finally:
        await page.close()


async def test_the_query_has_the_attributes_of_the_switch(browser: Browser, host: FakeHost) -> None:
    async with embedded(browser, host, "layout=card&theme=dark&lang=fr&globe=&megabytes-a-day=200") as page:
        attributes = await page.evaluate(ATTRIBUTES)
        assert attributes.items() >= {"layout": "card", "theme": "dark", "lang": "fr", "globe": ""}.items()
        assert attributes["megabytes-a-day"] == "200"
        assert await page.evaluate("document.documentElement.lang") == "fr"


async def test_other_parameters_are_ignored(browser: Browser, host: FakeHost) -> None:
    query = f"host=https://HOST/&goodbye=&onclick=x&style=x&id=x&layout=no&size=&label={'x' * 200}"
    async with embedded(browser, host, query) as page:
        assert set(await page.evaluate(ATTRIBUTES)) <= {"layout", "size", "state"}


async def test_its_background_is_transparent(browser: Browser, host: FakeHost) -> None:
    """Light and dark as the frame is said to be (lines.js): browsers put a ground under a frame of another scheme."""
    async with embedded(browser, host, "") as page:
        for element in ("document.documentElement", "document.body"):
            assert await page.evaluate(f"getComputedStyle({element}).backgroundColor") == "rgba(0, 0, 0, 0)"
        assert await page.evaluate("document.querySelector('meta[name=color-scheme]').content") == "light dark"


async def test_any_site_may_embed_it_without_a_script(browser: Browser) -> None:
    """The site's policy allows the frame and nothing else."""
    spoke = asyncio.Event()

    @web.middleware
    async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/languages/tr.json":
            spoke.set()
        return await handler(request)

    class Host(FakeHost):
        def application(self) -> web.Application:
            application = super().application()
            application.middlewares.append(listen)
            return application

    host, site = Host(), FakeSite()
    async with served(host):
        site.page = f'<iframe src="{host.url}/embed?layout=card&amp;lang=tr" width="480" height="500"></iframe>'
        site.headers = {"Content-Security-Policy": f"default-src 'none'; frame-src {host.url}/"}
        async with served(site):
            page = await browser.open(site.url)
            try:
                await soon(spoke.wait())
            finally:
                await page.close()
