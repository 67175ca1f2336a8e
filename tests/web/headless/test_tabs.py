"""Several tabs of a site share one bridge."""

from __future__ import annotations

import json

import pytest

from freespan.browsers import Browser, Page
from tests.web.fakes import FakeHost, FakeSite, connect, soon
from tests.web.headless.pages import QUICK, start, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_two_tabs_elect_a_leader_and_show_the_same(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite
) -> None:
    bridge = await start(page, host)
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    await status(page, state="helping", now=1, ever=1)
    other = await browser.open(site.url)
    assert await status(other, state="helping", now=1, elsewhere=True, today=1, ever=1)
    second = await connect(host, bridge, "two", sessions=2)
    second.client.channel.send(b"second")
    await status(other, now=2, ever=2)
    await status(page, now=2, ever=2)
    assert await other.evaluate("window.helped") == 1
    assert host.bridges_seen == 1
    stored = json.loads(await other.evaluate(f"localStorage['freespan-switch {host.url}/']"))
    assert (stored["helped"], stored["today"]) == (2, 2)
    # Off in one is off in all, and so is on.
    await other.evaluate("window.freespan.stop()")
    await soon(bridge.gone.wait())
    await status(page, state="off", ever=2)
    await other.evaluate("window.freespan.start()")
    await host.bridge()
    for tab in (page, other):
        await status(tab, state="waiting", ever=2)
    elsewhere = [await tab.evaluate("window.freespan.status.elsewhere") for tab in (page, other)]
    assert sorted(elsewhere) == [False, True]
    await other.close()


async def test_another_tab_takes_over_when_the_leader_is_closed(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite
) -> None:
    await page.navigate("about:blank")
    worker = await browser.open(site.url)
    first = await start(worker, host)
    await page.navigate(site.url)
    await status(page, state="waiting", elsewhere=True)
    await worker.close()
    await soon(first.gone.wait())
    await host.bridge()
    await status(page, state="waiting", elsewhere=False)
    assert host.bridges_seen == 2


@pytest.mark.parametrize(("leave", "come"), [("freeze", "resume"), ("pagehide", "pageshow")])
async def test_another_tab_takes_over_from_a_frozen_one(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite, leave: str, come: str
) -> None:
    first = await start(page, host)
    other = await browser.open(site.url)
    await status(other, state="waiting", elsewhere=True)
    target = "document" if leave == "freeze" else "window"
    await page.evaluate(f"{target}.dispatchEvent(new PageTransitionEvent('{leave}', {{persisted: true}}))")
    await soon(first.gone.wait())
    await host.bridge()
    await status(other, state="waiting", elsewhere=False)
    await page.evaluate(f"{target}.dispatchEvent(new PageTransitionEvent('{come}', {{persisted: true}}))")
    await status(page, state="waiting", elsewhere=True)
    await other.close()


async def test_a_leader_that_does_not_answer_loses_the_lock(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = QUICK + site.page
    await page.navigate(site.url + "/?quick")
    await page.wait_for("!!window.freespan")
    await page.evaluate(f"""(() => {{
        const name = "freespan-switch {host.url}/";
        window.lost = navigator.locks.request(name, () => new Promise(() => {{}})).catch((e) => e.name);
    }})()""")
    await page.evaluate("window.freespan.start()")
    await host.bridge()
    await status(page, state="waiting", elsewhere=False)
    assert await page.evaluate("window.lost") == "AbortError"


async def test_without_storage_and_locks_each_tab_is_its_own_leader(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {"Content-Security-Policy": "sandbox allow-scripts"}
    await page.navigate(site.url + "/?sandboxed")
    bridge = await start(page, host)
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    await status(page, state="helping", today=1, ever=1)
    await page.evaluate("window.freespan.stop()")
    await status(page, state="off", ever=1)
