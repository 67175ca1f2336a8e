"""A choice holds for one host."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from freespan.browsers import Browser, Page
from tests.web.fakes import FakeHost, FakeSite, served, soon
from tests.web.headless.pages import start, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_choice_is_for_one_host(browser: Browser, page: Page, host: FakeHost, site: FakeSite) -> None:
    """Not for another one that the publisher names later, nor for one that another path of the site names."""
    other = FakeHost()
    async with served(other):
        bridge = await start(page, host)
        options = quote(json.dumps({"host": other.url}))
        tab = await browser.open(f"{site.url}/?other#{options}")
        await status(tab, state="off", elsewhere=False)
        await start(tab, other)
        await status(page, state="waiting", elsewhere=False)
        await tab.evaluate("window.freespan.stop()")
        await status(tab, state="off")
        assert await page.evaluate("window.freespan.on")
        assert not bridge.gone.is_set()
        await tab.close()
        await page.navigate(f"{site.url}/?changed#{options}")
        await soon(bridge.gone.wait())
        await status(page, state="off")
        assert other.bridges_seen == 1
        await page.navigate(f"{site.url}/?back")
        await host.bridge()
        # In one page the first wins; when it goes, the choice for it goes with it.
        await page.evaluate(f"(window.other = new HeadlessSwitch({{host: '{other.url}'}}), 1)")
        await page.evaluate("window.freespan.close()")
        assert await page.evaluate("[window.other.on, window.other.status.state]") == [False, "off"]
        await page.wait_for("!document.querySelector('iframe')")
        assert other.bridges_seen == 1
