"""The globe's iframe: it draws the host's figures, and requests them only while it is visible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from freespan.browsers import Browser, Page
from tests.web.fakes import FakeHost, FakeSite, served

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIGURES: dict[str, Any] = {"countries": {"IR": 40, "MM": 5, "QQ": 9}, "somewhere": 7}
COLOURS = '{ ink: "#17212b", accent: "rgb(10, 127, 96)" }'


class HostWithFigures(FakeHost):
    """Counts who asks for the figures, and hands out the same to all."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def _countries(self, _: web.Request) -> web.StreamResponse:
        self.asked += 1
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}
        return web.json_response(FIGURES, headers=headers)

    def application(self) -> web.Application:
        application = super().application()
        application.router.add_get("/v1/countries", self._countries)
        return application


@pytest_asyncio.fixture(loop_scope="session")
async def host() -> AsyncIterator[HostWithFigures]:
    host = HostWithFigures()
    async with served(host):
        yield host


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, site: FakeSite) -> AsyncIterator[Page]:
    """A page of another origin, with a place for the globe, and with a policy that allows nothing but the frame."""
    site.page = '<div id="place"></div>'
    page = await browser.open(site.url)
    try:
        yield page
    finally:
        await page.close()


def shown(host: FakeHost, width: str = "200px") -> str:
    return f"""await (async () => {{
        const {{ GlobeFrame, namesOf }} = await import("{host.url}/element/globe-frame.js");
        window.namesOf = namesOf;
        place.style.width = "{width}";
        window.received = [];
        window.globe = new GlobeFrame(place, "{host.url}/", (...figures) => received.push(figures));
        globe.show({COLOURS}, true);
        globe.label = "Globe.";
        const box = place.querySelector("iframe").getBoundingClientRect();
        return [box.width, box.height];
    }})()"""


async def test_it_draws_and_reports_the_countries(page: Page, host: HostWithFigures) -> None:
    assert await page.evaluate(shown(host)) == [200, 200]
    assert await page.wait_for("received[0]") == [[["IR", 40], ["MM", 5]], 7]
    assert await page.evaluate("namesOf(received[0][0], 'es')") == ["Irán", "Myanmar (Birmania)"]
    assert await page.evaluate("namesOf(received[0][0], 'no language!').length") == 2
    frame = "place.querySelector('iframe')"
    names = f"[{frame}.getAttribute('role'), {frame}.getAttribute('aria-label')]"
    assert await page.evaluate(names) == ["img", "Globe."]
    assert await page.evaluate(f"{frame}.contentDocument") is None  # an origin of its own
    assert host.asked == 1


async def test_it_can_be_shown_again_and_removed(page: Page, host: HostWithFigures) -> None:
    await page.evaluate(shown(host))
    await page.wait_for("received[0]")
    await page.evaluate(f"(globe.show({COLOURS}, false, 'DE'), globe.welcome(), globe.remove(), 0)")
    assert await page.evaluate("place.childNodes.length") == 0
    await page.evaluate("postMessage({freespan: 1, type: 'countries', countries: []}, '*')")
    assert len(await page.evaluate("received")) == 1


async def test_messages_from_others_are_ignored(page: Page, host: HostWithFigures) -> None:
    await page.evaluate(shown(host))
    await page.wait_for("received[0]")
    await page.evaluate("""new Promise((resolve) => {
        addEventListener("message", resolve, { once: true });
        postMessage({ freespan: 1, type: "countries", countries: [["XK", 1]], somewhere: 1 }, "*");
    }).then(() => 0)""")
    assert len(await page.evaluate("received")) == 1


async def test_nothing_is_requested_while_it_is_hidden(page: Page, host: HostWithFigures) -> None:
    await page.evaluate("(document.body.style.paddingTop = '9000px', 0)")
    await page.evaluate(shown(host))
    assert host.asked == 0
    await page.evaluate("(place.scrollIntoView(), 0)")
    await page.wait_for("received[0]")
    assert host.asked == 1
