"""The page to which the link of an invite leads: it shows the invite, and nothing of it leaves the browser."""

from __future__ import annotations

import pytest

from freespan.browsers import Browser
from tests.web.fakes import FakeHost

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEEN = "({{ invite: document.querySelector('#invite').textContent, {} }})".format(
    "missing: !document.querySelector('#missing').hidden, found: !document.querySelector('#found').hidden"
)


@pytest.mark.parametrize("fragment", ["", "#", "#freespan2_", "#freespan2_A B", "#<b>", "#freespan2_A<b>"])
async def test_a_link_without_an_invite_says_so(browser: Browser, host: FakeHost, fragment: str) -> None:
    page = await browser.open(f"{host.url}/join{fragment}")
    try:
        await page.wait_for("document.readyState === 'complete'")
        assert await page.evaluate(SEEN) == {"invite": "", "missing": True, "found": False}
    finally:
        await page.close()


@pytest.mark.parametrize(
    "fragment",
    [
        "#freespan2%5FAbC-_9",
        "#freespan2%255FAbC%252D_9",
        "#Freespan2_AbC-_9.",
        "#%E2%80%8Efreespan2_Ab%E2%80%8BC-_9%E2%80%8F",
        "#%C2%ABfreespan2_AbC-_9%C2%BB%D8%8C",
        "#freespan2%5C_Ab%0D%0AC-%5C_9)",
    ],
)
async def test_what_a_messenger_did_to_a_link_is_undone(browser: Browser, host: FakeHost, fragment: str) -> None:
    page = await browser.open(f"{host.url}/join{fragment}")
    try:
        await page.wait_for("document.readyState === 'complete'")
        assert await page.evaluate(SEEN) == {"invite": "freespan2_AbC-_9", "missing": False, "found": True}
    finally:
        await page.close()


async def test_a_link_shows_its_invite_and_asks_for_nothing_else(browser: Browser, host: FakeHost) -> None:
    page = await browser.open(f"{host.url}/join#freespan2_AbC-_9")
    try:
        await page.wait_for("!document.querySelector('#found').hidden")
        assert await page.evaluate(SEEN) == {"invite": "freespan2_AbC-_9", "missing": False, "found": True}
        asked = await page.evaluate("performance.getEntriesByType('resource').map(each => each.name)")
        assert {url.removeprefix(host.url) for url in asked} <= {
            *(f"/pages/{name}" for name in ("base.css", "join.css", "join.js", "copying.js", "icon.svg"))
        }
    finally:
        await page.close()
