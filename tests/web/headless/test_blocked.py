"""Pages, browsers and brokers that block it; and the example page."""

from __future__ import annotations

import pytest

from freespan.browsers import Page
from tests.web.fakes import FakeHost, FakeSite, soon
from tests.web.headless.pages import QUICK, start, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_policy_that_forbids_the_iframe_shows_as_blocked(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {"Content-Security-Policy": f"frame-src 'none'; script-src 'unsafe-inline' {host.url}"}
    await page.navigate(site.url + "/?strict")
    await page.wait_for("!!window.freespan")
    await page.evaluate("window.freespan.start()")
    await status(page, state="blocked", seconds=5)
    assert host.bridges_seen == 0
    await page.evaluate("window.freespan.stop()")
    await status(page, state="off")


@pytest.mark.parametrize(("answers", "state"), [(True, "blocked"), (False, "offline")])
async def test_an_iframe_that_stays_silent(
    page: Page, host: FakeHost, site: FakeSite, *, answers: bool, state: str
) -> None:
    """As an extension keeps frames away; or the host is not there."""
    site.page = "<script>HTMLBodyElement.prototype.appendChild = (node) => node</script>" + site.page
    if not answers:
        site.page = "<script>window.fetch = () => Promise.reject(new TypeError())</script>" + site.page
    site.page = QUICK + site.page
    await page.navigate(site.url + "/?silent")
    await page.wait_for("!!window.freespan")
    await page.evaluate("window.freespan.start()")
    await status(page, state=state, seconds=5)


async def test_a_removed_iframe_is_replaced(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = QUICK + site.page
    await page.navigate(site.url + "/?quick")
    first = await start(page, host)
    await page.evaluate("document.querySelector('iframe').remove()")
    await soon(first.gone.wait())
    await host.bridge()
    await status(page, state="waiting")


async def test_it_reconnects_to_a_broker_that_restarts(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host)
    await bridge.socket.close()
    await status(page, state="offline")
    await host.bridge()
    await status(page, state="waiting")


async def test_the_example_page_works(page: Page, host: FakeHost) -> None:
    await page.navigate(host.url + "/headless")
    await page.wait_for("document.querySelector('button').getAttribute('aria-pressed') === 'false'")
    await page.click("button")
    await host.bridge()
    await page.wait_for("document.querySelector('[role=status]').textContent.includes('Ready')")
