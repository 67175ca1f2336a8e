"""The switch with the keyboard, at 400 %, with reduced motion, and with forced colours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from freespan.browsers import Page, switch
from freespan.browsers.chromium import ChromiumPage
from tests.web.fakes import FakeHost, FakeSite, part, state, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = "document.querySelector('freespan-switch').shadowRoot"
FOCUS = """(() => {
    const focused = root.activeElement;
    if (!focused) return null;
    const styles = [getComputedStyle(focused), getComputedStyle(focused, "::after")];
    const box = focused.getBoundingClientRect();
    return {
        name: focused.dataset.action ?? focused.localName + (focused.type ? `-${focused.type}` : ""),
        ring: styles.some(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 2),
        // Firefox scrolls to the hours in a field of time, not to its edge.
        inside: box.top > -8 && box.bottom < innerHeight + 8 && box.left > -1 && box.right < innerWidth + 1,
    };
})()"""
STEPS_MAX = 30


async def show(page: Page, site: FakeSite, host: FakeHost, attributes: str, around: str = "") -> None:
    element = host.embed.replace("<freespan-switch", f"<freespan-switch {attributes}")
    site.page = f"{around}{element}<button id=after>after</button>"
    await page.navigate(site.url)
    await state(page, "off")
    await page.wait_for(f"{ROOT}.getElementById('status').textContent")


async def opened(page: Page) -> None:
    """Wait until all that opens below the line is there."""
    await page.wait_for(f"{ROOT}.querySelectorAll('summary').length === 2")
    await page.wait_for(f"!{ROOT}.querySelector('[data-action=turn-on]').disabled")


async def tab(page: Page) -> dict[str, Any] | None:
    """What the Tab key reaches in the switch."""
    await page.press("Tab")
    focus: dict[str, Any] | None = await part(page, FOCUS)
    return focus


async def press_on(page: Page, name: str, key: str = "Enter") -> None:
    """Go on with Tab to what has this name, and press a key there."""
    for _ in range(STEPS_MAX):
        if ((await part(page, FOCUS)) or {}).get("name") == name:
            return await page.press(key)
        await page.press("Tab")
    raise AssertionError(f"{name} cannot be reached")


async def test_the_keyboard_reaches_everything_in_order(page: Page, site: FakeSite, host: FakeHost) -> None:
    await show(page, site, host, "layout=floating")
    await press_on(page, "switch", "Tab")
    await press_on(page, "more")
    await opened(page)
    found = []
    while focus := await tab(page):
        found.append(focus)
        if focus["name"] == "summary":
            await page.press("Enter")
            await page.wait_for(f"{ROOT}.activeElement.parentElement.open")
        assert len(found) < STEPS_MAX, f"a trap: {found}"
    names = list(dict.fromkeys(one["name"] for one in found))
    line, asks, panel = ["close"], ["a", "input-checkbox", "turn-on", "not-now"], ["input-time", "input-number", "test"]
    assert names == [*line, *asks, "summary", *panel]
    assert [one for one in found if not (one["ring"] and one["inside"])] == []


async def test_escape_closes_and_gives_the_focus_back(page: Page, site: FakeSite, host: FakeHost) -> None:
    await show(page, site, host, "")
    await press_on(page, "more")
    await page.wait_for(f"{ROOT}.querySelector('summary')?.checkVisibility()")
    await press_on(page, "summary")
    await page.press("Escape")
    assert await part(page, FOCUS + ".name") == "more"
    assert await part(page, "root.querySelector('.details').checkVisibility()") is False
    assert await part(page, "root.querySelector('[data-action=more]').getAttribute('aria-expanded')") == "false"
    await page.navigate(site.url)
    await state(page, "off")
    await press_on(page, "switch", "Space")
    await page.wait_for(f"{ROOT}.activeElement?.className === 'consent'")
    await page.wait_for(f"!{ROOT}.querySelector('[data-action=turn-on]').disabled")
    await press_on(page, "not-now", "Space")
    assert (await part(page, FOCUS)).items() >= {"name": "switch", "ring": True, "inside": True}.items()
    assert await part(page, "root.querySelector('.details').checkVisibility()") is False


async def test_a_screen_reader_reads_each_state_once(page: Page, site: FakeSite, host: FakeHost) -> None:
    await show(page, site, host, "")
    await page.evaluate(f"""(() => {{
        window.states = [];
        const status = {ROOT}.getElementById("status");
        new MutationObserver(() => window.states.push(status.textContent)).observe(
            status, {{ childList: true, characterData: true, subtree: true }},
        );
    }})()""")
    await turn_on(page, host)
    await switch.turn_off(page)
    await state(page, "off")
    assert await page.evaluate("window.states") == [
        "Connecting…",
        "Ready for a blocked reader",
        "Lend a little of your connection",
    ]


@pytest.mark.parametrize("layout", ["inline", "card", "banner", "floating"])
async def test_everything_can_be_reached_at_400_percent(
    page: Page, site: FakeSite, host: FakeHost, layout: str
) -> None:
    """1280 × 1024 pixels at four times the size. In German, whose words are long."""
    await page.resize(320, 256)
    lines = "<p>Eine Zeile der Seite</p>" * 3
    await show(page, site, host, f"layout={layout} lang=de", lines)
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not await page.evaluate(wide)
    if layout in ("banner", "floating"):
        covered = await part(page, "root.querySelector('.box').getBoundingClientRect().height / innerHeight")
        assert covered < 0.6
    await press_on(page, "more")
    await opened(page)
    await part(page, "[...root.querySelectorAll('details')].forEach((one) => (one.open = true)), 1")
    assert not await page.evaluate(wide)
    assert await part(page, "root.querySelector('.box').scrollWidth <= root.querySelector('.box').clientWidth")
    found = []
    while focus := await tab(page):
        found.append(focus)
        assert len(found) < STEPS_MAX, f"a trap: {found}"
    assert {"turn-on", "test"} <= {one["name"] for one in found}
    assert [one for one in found if not one["inside"]] == []


async def test_targets_are_24_pixels_at_least(page: Page, site: FakeSite, host: FakeHost) -> None:
    await show(page, site, host, "layout=banner size=small")
    await part(page, "root.querySelector('[data-action=more]').click(), 1")
    await page.wait_for(f"{ROOT}.querySelectorAll('summary').length === 2")
    small = await part(
        page,
        """[...root.querySelectorAll("a, button, summary, label")].flatMap((one) => {
            // All of the line is the switch.
            const { width, height } = (one.role === "switch" ? one.parentElement : one).getBoundingClientRect();
            return one.checkVisibility() && (width < 24 || height < 24) ? [[one.outerHTML, width, height]] : [];
        })""",
    )
    assert small == []


async def test_reduced_motion_and_forced_colors_are_respected(page: Page, site: FakeSite, host: FakeHost) -> None:
    if not isinstance(page, ChromiumPage):
        pytest.skip("only Chromium can be told of such wishes")
    site.page = host.embed
    await turn_on(page, host)
    running = "document.getAnimations().length + " + ROOT + ".getAnimations().length"
    wishes = [{"name": "prefers-reduced-motion", "value": "reduce"}, {"name": "forced-colors", "value": "active"}]
    await page.call("Emulation.setEmulatedMedia", {"features": wishes})
    assert await page.evaluate("matchMedia('(forced-colors: active)').matches")
    await part(page, "root.querySelector('[data-action=more]').click(), 1")
    await page.wait_for(f"{ROOT}.querySelectorAll('summary').length === 2")
    assert await page.evaluate(running) == 0
    shown = await part(
        page,
        """({
            track: getComputedStyle(button).backgroundColor,
            thumb: getComputedStyle(button.firstChild).backgroundColor,
            box: getComputedStyle(root.querySelector(".box")).backgroundColor,
            edge: getComputedStyle(root.querySelector(".box")).borderTopStyle,
        })""",
    )
    assert len({shown["track"], shown["thumb"]}) == 2, json.dumps(shown)
    assert shown["edge"] == "solid"
