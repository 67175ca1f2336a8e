"""The configurator: the preview and the lines to copy follow the choices."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import pytest_asyncio

from freespan.browsers import Browser, Page
from tests.web.fakes import FakeHost

ROOT = Path(__file__).parents[2]
LEFT_ALONE = {
    "data-cfasync": "false",
    "data-no-optimize": "1",
    "data-no-defer": "1",
    "data-no-minify": "1",
    "data-noptimize": "1",
    "data-nowprocket": "1",
    "data-pagespeed-no-defer": "1",
    "data-jetpack-boost": "ignore",
    "data-cookieconsent": "ignore",
    "data-ot-ignore": "1",
    "data-cookieyes": "cookieyes-necessary",
    "data-cmp-ab": "1",
}
"""What the line says to tools that rewrite pages, and to those that ask for consent."""

pytestmark = pytest.mark.asyncio(loop_scope="session")

PREVIEW = "document.querySelector('#preview freespan-switch')"
CHOSEN = {
    "layout": "card",
    "theme": "dark",
    "size": "large",
    "lang": "fa",
    "globe": True,
    "goodbye": True,
    "label": '<b> "&"',
    "remember": False,
    "run-when-hidden": False,
    "capacity": "8",
    "megabytes-a-day": "200",
    "from": "22:00",
    "until": "06:00",
}
WANTED = {
    "layout": "card",
    "theme": "dark",
    "size": "large",
    "lang": "fa",
    "globe": "",
    "goodbye": "",
    "label": '<b> "&"',
    "remember": "no",
    "run-when-hidden": "no",
    "capacity": "8",
    "megabytes-a-day": "200",
    "hours": "22:00-06:00",
}


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, host: FakeHost) -> AsyncIterator[Page]:
    page = await browser.open(f"{host.url}/embed/configure")
    try:
        await page.wait_for(f"{PREVIEW}.getAttribute('state')")
        yield page
    finally:
        await page.close()


async def choose(page: Page, choice: dict[str, Any]) -> None:
    await page.evaluate(f"""(() => {{
        const form = document.querySelector("form");
        for (const [name, value] of Object.entries({json.dumps(choice)})) {{
            const field = form.elements.namedItem(name);
            if (typeof value === "boolean") field.checked = value;
            else field.value = value;
        }}
        form.dispatchEvent(new Event("input"));
    }})()""")


async def line(page: Page, way: str) -> str:
    text: str = await page.evaluate(f"document.querySelector('#{way}').textContent")
    return text


def attributes_of(line: str, tag: str) -> dict[str, str]:
    found: dict[str, str] = {}

    class Parser(HTMLParser):
        def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
            if name == tag:
                found.update({key: value or "" for key, value in attributes})

    Parser().feed(line)
    return found


async def test_without_choices_there_is_one_short_line(page: Page, host: FakeHost) -> None:
    # It has its height with its words.
    await page.wait_for(f"{PREVIEW}.shadowRoot?.querySelector('.box').lang === 'en'")
    measured = f"Math.ceil({PREVIEW}.getBoundingClientRect().height)"
    await page.wait_for(f"document.querySelector('#script').textContent.includes({measured} + 'px')")
    height = await page.evaluate(measured)
    assert 40 < height < 120
    script = await line(page, "script")
    asked_of_others = attributes_of(script, "script")
    assert list(asked_of_others)[-1] == "src", "Rocket Loader reads what stands before it"
    assert asked_of_others.pop("src") == f"{host.url}/switch.js"
    assert asked_of_others.pop("type") == "module"
    assert asked_of_others == LEFT_ALONE
    assert attributes_of(script, "freespan-switch") == {"style": f"display:block;min-height:{height}px"}


async def test_what_is_chosen_is_shown_and_written(page: Page, host: FakeHost) -> None:
    await choose(page, CHOSEN)
    assert await page.wait_for(f"{PREVIEW}.getAttribute('state')") == "off"
    shown = await page.evaluate(f"Object.fromEntries([...{PREVIEW}.attributes].map((one) => [one.name, one.value]))")
    assert {**shown, "goodbye": ""}.items() >= WANTED.items()

    written = attributes_of(await line(page, "script"), "freespan-switch")
    assert written.pop("style").startswith("display:block;min-height:")
    assert written == WANTED
    module = attributes_of(await line(page, "module"), "freespan-switch")
    assert module.items() >= {**WANTED, "host": f"{host.url}/"}.items()
    frame = attributes_of(await line(page, "frame"), "iframe")
    assert dict(parse_qsl(urlsplit(frame["src"]).query, keep_blank_values=True)) == {
        name: value for name, value in WANTED.items() if name != "goodbye"
    }
    assert frame["title"] == WANTED["label"]
    assert "color-scheme:light dark" in frame["style"]


async def test_invalid_values_are_not_written(page: Page) -> None:
    await choose(page, {"layout": "banner", "capacity": "65", "kilobits": "-1", "from": "22:00"})
    assert attributes_of(await line(page, "script"), "freespan-switch") == {"layout": "banner"}
    assert not await page.evaluate("document.querySelector('#frame-way').checkVisibility()")
    assert await page.evaluate("document.querySelector('#no-frame').checkVisibility()")


async def test_the_same_time_twice_is_no_span_of_hours(page: Page) -> None:
    await choose(page, {"from": "08:00", "until": "08:00"})
    assert "hours" not in attributes_of(await line(page, "script"), "freespan-switch")


async def test_own_texts_are_escaped(page: Page) -> None:
    await choose(page, {"slot-about": '<img src=x onerror="x">'})
    assert '<span slot="about">&lt;img src=x onerror=&quot;x&quot;></span>' in await line(page, "script")
    assert await page.evaluate(f"{PREVIEW}.textContent") == '<img src=x onerror="x">'


async def test_the_policy_to_copy_names_this_host_alone(page: Page, host: FakeHost) -> None:
    assert (await line(page, "script-policy")).split() == [
        part for rule in ("script-src", "frame-src", "connect-src") for part in (rule, f"{host.url}/;")
    ]
    assert (await line(page, "frame-policy")).split() == ["frame-src", f"{host.url}/;"]


async def test_each_field_has_a_name(page: Page) -> None:
    nameless = "[...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    assert await page.evaluate(nameless) == 0


async def test_a_click_copies_the_line_or_selects_it(page: Page) -> None:
    await page.evaluate("(document.querySelector('#copy-script').click(), 0)")  # wherever the page has moved it
    assert await page.wait_for("document.querySelector('#note-script').textContent") in {
        "Copied.",
        "Selected: copy it with the keyboard.",
    }


async def test_a_clipboard_that_never_answers_leaves_the_line_selected(page: Page) -> None:
    await page.evaluate("(navigator.clipboard.writeText = () => new Promise(() => {}), 0)")
    await page.click("#copy-script")
    note = "document.querySelector('#note-script').textContent"
    assert await page.wait_for(note) == "Selected: copy it with the keyboard."
    assert await page.evaluate("String(getSelection())") == await line(page, "script")


async def test_it_can_be_used_by_keyboard(page: Page) -> None:
    await page.evaluate("(document.querySelector('[name=layout]').focus(), 0)")
    await page.press("Tab")
    assert await page.evaluate("document.activeElement.name") == "theme"
    await page.press("d")  # chooses "dark" in a closed list
    await page.wait_for(f"{PREVIEW}.getAttribute('theme') === 'dark'")
    assert attributes_of(await line(page, "script"), "freespan-switch")["theme"] == "dark"


async def test_the_wordpress_plugin_says_the_same_to_other_tools() -> None:
    php = (ROOT / "wordpress/freespan-switch/includes/markup.php").read_text("utf-8")
    listed = php[php.index("const LEFT_ALONE") : php.index("];")]
    assert dict(re.findall(r"'([a-z-]+)' => '([^']*)'", listed)) == LEFT_ALONE


async def test_the_frame_says_to_consent_tools_that_it_needs_none(page: Page) -> None:
    frame = attributes_of(await page.wait_for("document.querySelector('#frame').textContent"), "iframe")
    consent = ("data-cookieconsent", "data-ot-ignore", "data-cookieyes", "data-cmp-ab")
    assert {name: frame[name] for name in consent} == {name: LEFT_ALONE[name] for name in consent}
