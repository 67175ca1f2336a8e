"""The switch where something is wrong or blocks it: it says so or does nothing, and never throws in the page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.typedefs import Handler

from freespan.browsers import Browser, Page, switch
from tests.web.fakes import FakeHost, FakeSite, part, served, soon, state, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = "document.querySelector('freespan-switch')?.shadowRoot"
RECORDER = """<script>
  window.failures = [];
  window.warnings = [];
  onerror = (message) => void failures.push(String(message));
  onunhandledrejection = ({ reason }) => failures.push(String(reason));
  console.warn = (text) => warnings.push(text);
</script>"""
BAD = {
    "layout": "pillar",
    "theme": "pink",
    "size": "huge",
    "remember": "maybe",
    "run-when-hidden": "sometimes",
    "capacity": "65",
    "kilobits": "-1",
    "megabytes-a-day": "1.5",
    "megabytes-a-month": "many",
    "hours": "08:00-08:00",
    "host": "ftp://there/",
}


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nothing_is_thrown(page: Page) -> AsyncIterator[None]:
    """The last page of each test has had no error that nobody caught."""
    yield
    assert await page.evaluate("window.failures") == []


@pytest.fixture
def page_of(site: FakeSite, host: FakeHost) -> str:
    """The line of the host in a page that writes down what goes wrong."""
    site.page = RECORDER + host.embed
    return site.page


async def show(page: Page, site: FakeSite, attributes: str = "", before: str = "", after: str = "") -> None:
    line = site.page.removeprefix(RECORDER).replace("<freespan-switch", f"<freespan-switch {attributes}")
    site.page = RECORDER + before + line + after
    await page.navigate(site.url)


async def test_a_bad_value_is_reported_once_and_the_default_is_used(
    page: Page, site: FakeSite, host: FakeHost, page_of: str
) -> None:
    attributes = " ".join(f'{name}="{value}"' for name, value in BAD.items())
    await show(page, site, attributes + " lang=tlh", after=f"<freespan-switch {attributes}></freespan-switch>")
    await turn_on(page, host)
    warnings = await page.evaluate("window.warnings")
    assert len(warnings) == len(BAD), warnings
    for name, value in BAD.items():
        assert any(f'{name}="{value}"' in warning for warning in warnings), (name, warnings)
    assert await part(page, "root.querySelector('.box').lang") == "en"


async def test_storage_may_hold_anything(page: Page, site: FakeSite, host: FakeHost, page_of: str) -> None:
    limits = {"kilobits": "x", "megabytesADay": -1, "megabytesAMonth": None, "hours": "9-5"}
    stored = json.dumps(json.dumps({"limits": limits, "dismissed": "x", "consented": 1}))
    bad = f"localStorage['freespan-settings'] = {stored}; localStorage['freespan-switch {host.url}/'] = '[1'"
    before = f"<script>{bad}</script>"
    await show(page, site, "layout=floating", before)
    await state(page, "off")
    await switch.turn_on(page)
    await host.bridge()
    await state(page, "waiting")
    await page.evaluate("localStorage.clear(), 1")


@pytest.mark.parametrize(
    "lacks",
    [
        "RTCPeerConnection",
        "BroadcastChannel",
        "Navigator.prototype.locks",
        "CSSStyleSheet ShadowRoot.prototype.adoptedStyleSheets Document.prototype.adoptedStyleSheets",
        "AbortSignal.timeout URL.canParse Intl.DisplayNames",
    ],
)
async def test_older_browsers(page: Page, site: FakeSite, host: FakeHost, page_of: str, lacks: str) -> None:
    deletions = "".join(f"delete window.{name};" for name in lacks.split())
    await show(page, site, before=f"<script>{deletions}</script>")
    if lacks == "RTCPeerConnection":
        await state(page, "unsupported")
        return await switch.turn_off(page)
    await turn_on(page, host)
    assert await part(page, "getComputedStyle(root.querySelector('.box')).borderTopStyle") == "solid"


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("frame-src 'none'", "blocked"),
        ("connect-src 'none'; style-src 'none'; img-src 'none'", "waiting"),
        ("default-src 'none'; script-src 'unsafe-inline' HOST", "blocked"),
        ("script-src 'unsafe-inline'", ""),
    ],
)
async def test_policies_of_the_page(
    page: Page, site: FakeSite, host: FakeHost, page_of: str, policy: str, wanted: str
) -> None:
    site.headers = {"Content-Security-Policy": policy.replace("HOST", host.url)}
    await show(page, site, "globe", after="<p id=end></p>")
    if not wanted:  # the script itself is forbidden: nothing is shown
        assert await page.evaluate("document.querySelector('freespan-switch').getBoundingClientRect().height") == 0
        return
    await switch.turn_on(page)
    if wanted == "waiting":
        await host.bridge()
    await state(page, wanted)
    await part(page, "root.querySelector('[data-action=more]').click(), 1")
    await page.wait_for(f"{ROOT}.querySelectorAll('summary').length === 2")
    worded = "[...root.querySelectorAll('button:not([role=switch]):not(.close), a, summary, label')]"
    assert await part(page, f"{worded}.filter((one) => !one.textContent).length") == 0


async def test_without_storage_it_works_as_long_as_the_page(
    page: Page, site: FakeSite, host: FakeHost, page_of: str
) -> None:
    site.headers = {"Content-Security-Policy": "sandbox allow-scripts"}
    await show(page, site, "layout=banner goodbye")
    await turn_on(page, host)
    await switch.turn_off(page)
    await state(page, "off")
    await page.click("freespan-switch >>> [data-action=close]")
    assert await part(page, "root.querySelector('.box').checkVisibility()") is False


async def test_an_extension_that_blocks_the_bridge(browser: Browser, page: Page) -> None:
    """The host answers nobody who asks for `/bridge`."""

    @web.middleware
    async def block(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in ("/bridge", "/globe", "/v1/countries") and request.transport:
            request.transport.abort()
        return await handler(request)

    class Host(FakeHost):
        def application(self) -> web.Application:
            application = super().application()
            application.middlewares.append(block)
            return application

    host, site = Host(), FakeSite()
    async with served(host), served(site):
        hurry = "<script>const real = setTimeout; setTimeout = (f, ms, ...rest) => real(f, ms / 20, ...rest)</script>"
        site.page = RECORDER + hurry + host.embed.replace("<freespan-switch", "<freespan-switch layout=card globe")
        await page.navigate(site.url)
        await switch.turn_on(page)
        await state(page, "offline")
        await switch.turn_off(page)
        await state(page, "off")


async def test_it_can_be_inserted_removed_and_moved_at_any_time(
    page: Page, site: FakeSite, host: FakeHost, page_of: str
) -> None:
    await show(page, site, "remember=no", after="<div id=there></div>")
    moves = "for (const place of [there, document.body, there]) place.append(one);"
    await page.evaluate(f"(() => {{ const one = document.querySelector('freespan-switch'); {moves} }})()")
    first = await turn_on(page, host)
    # Moved while it is on: its frame begins anew, and it stays on.
    await page.evaluate("document.body.append(document.querySelector('freespan-switch')), 1")
    await soon(first.gone.wait())
    second = await host.bridge()
    await state(page, "waiting")
    # Taken out while all kinds of things load, and put in again.
    await page.evaluate("""(async () => {
        const one = document.querySelector("freespan-switch");
        one.setAttribute("globe", "");
        one.setAttribute("goodbye", "");
        one.lang = "fr";
        one.shadowRoot.querySelector("[data-action=more]").click();
        one.remove();
        for (let k = 0; k < 20; k++) {
            const other = document.createElement("freespan-switch");
            other.setAttribute("layout", ["card", "banner", "floating", "inline"][k % 4]);
            other.setAttribute("globe", "");
            document.body.append(other);
            if (k % 3) await null;
            other.shadowRoot.querySelector("[data-action=more]").click();
            other.setAttribute("host", location.origin);
            if (k % 2) await new Promise((resolve) => setTimeout(resolve, 2 * k));
            other.remove();
        }
        // One that is put back within half a second stays on; timers of the same length end in their order.
        await new Promise((resolve) => setTimeout(resolve, 500));
    })()""")
    await soon(second.gone.wait())
    await page.evaluate("document.body.append(document.createElement('freespan-switch')), 1")
    await state(page, "off")


async def test_two_hosts_on_a_page(page: Page, site: FakeSite, host: FakeHost, page_of: str) -> None:
    other = FakeHost()
    async with served(other):
        await show(page, site, after=other.embed)
        await turn_on(page, host)
        await page.wait_for("document.querySelectorAll('freespan-switch[state=waiting]').length === 2")
    assert other.bridges_seen == 0


@pytest.mark.parametrize("layout", ["banner", "floating"])
async def test_a_closed_switch_stays_away_for_a_month(page: Page, site: FakeSite, page_of: str, layout: str) -> None:
    shown = f"{ROOT}?.querySelector('.box').checkVisibility()"
    await show(page, site, f"layout={layout}")
    await page.wait_for(f"{shown} && {ROOT}.querySelector('[data-action=close]').ariaLabel")
    await page.click("freespan-switch >>> [data-action=close]")
    assert await page.evaluate(shown) is False
    for days, wanted in ((29, False), (31, True)):
        moved = f"<script>const now = Date.now; Date.now = () => now() + {days} * 86400000</script>"
        site.page = site.page.replace(RECORDER, RECORDER + moved)
        await page.navigate(site.url)
        await state(page, "off")
        assert await page.evaluate(shown) is wanted
        site.page = site.page.replace(moved, "")
    await page.evaluate("localStorage.clear(), 1")


async def test_the_question_at_good_bye_comes_once_a_month(page: Page, site: FakeSite, page_of: str) -> None:
    asked = f"Boolean({ROOT}?.querySelector('.toast'))"
    leave = "document.documentElement.dispatchEvent(new MouseEvent('mouseleave', { clientY: -1 }))"
    for days, wanted in ((0, True), (29, False), (31, True)):
        clocks = f"const now = Date.now, time = performance.now.bind(performance), later = {days} * 86400000;"
        site.page = page_of
        await show(page, site, "goodbye", f"<script>{clocks} Date.now = () => now() + later</script>")
        await state(page, "off")
        await page.evaluate(f"{leave}")
        assert await page.evaluate(asked) is False, "who has only just come is not asked"
        await page.evaluate("(performance.now = () => time() + 60000, 1)")
        if wanted:
            await page.wait_for(f"{leave} && {asked}")
            await page.click("freespan-switch >>> .toast .close")
            assert await page.evaluate(asked) is False
        await page.evaluate(leave)
        assert await page.evaluate(asked) is False
    await page.evaluate("localStorage.clear(), 1")


async def test_a_visitors_limits_are_only_stricter(page: Page, site: FakeSite, host: FakeHost, page_of: str) -> None:
    limits = {"kilobits": 900, "megabytesADay": 50, "megabytesAMonth": 0, "hours": "00:00-23:59"}
    stored = json.dumps(json.dumps({"limits": limits, "consented": f"{host.url}/"}))
    before = f"""<script>
        localStorage['freespan-settings'] = {stored};
        // Noon: the page's hours are over, the visitor's are not.
        const Real = Date;
        Date = class extends Real {{
            constructor(...given) {{ super(...(given.length ? given : ["2026-06-01T12:00:00"])); }}
        }};
    </script>"""
    await show(page, site, "kilobits=500 megabytes-a-day=100 megabytes-a-month=7 hours=22:00-06:00", before)
    await state(page, "off")
    await page.click("freespan-switch >>> [role=switch]")
    await state(page, "paused")
    assert "22:00" in await part(page, "root.querySelector('[role=status]').textContent")
    await page.evaluate("document.querySelector('freespan-switch').setAttribute('hours', '09:00-17:00')")
    await host.bridge()
    await state(page, "waiting")
    await page.evaluate("localStorage.clear(), 1")


async def test_a_page_can_change_texts_and_looks(page: Page, site: FakeSite, page_of: str) -> None:
    style = """<style>
        freespan-switch { --freespan-accent: rgb(1, 2, 3); --freespan-radius: 7px; --freespan-background: rgb(4, 5, 6) }
        freespan-switch::part(title) { text-transform: uppercase }
        freespan-switch::part(status) { font-style: italic }
    </style>"""
    early = "<script>document.querySelector('freespan-switch').strings = { off: 'Aus', title: 'no' }</script>"
    slots = "<span slot=title>Our title</span><span slot=about>Why?</span></freespan-switch>"
    site.page = page_of.replace("</freespan-switch>", slots).replace("<script type", "<x-x></x-x><script type")
    await show(page, site, before=style, after=early)
    await page.wait_for(f"{ROOT}?.getElementById('status').textContent === 'Aus'")
    looks = await part(
        page,
        """({
            title: root.querySelector("slot[name=title]").assignedNodes()[0].textContent,
            about: root.querySelector("slot[name=about]").assignedNodes()[0].textContent,
            upper: getComputedStyle(root.querySelector(".title")).textTransform,
            italic: getComputedStyle(root.querySelector(".status")).fontStyle,
            radius: getComputedStyle(root.querySelector(".box")).borderRadius,
            ground: getComputedStyle(root.querySelector(".box")).backgroundColor,
            accent: getComputedStyle(root.querySelector(".primary")).backgroundColor,
        })""",
    )
    assert looks == {
        "title": "Our title",
        "about": "Why?",
        "upper": "uppercase",
        "italic": "italic",
        "radius": "7px",
        "ground": "rgb(4, 5, 6)",
        "accent": "rgb(1, 2, 3)",
    }
