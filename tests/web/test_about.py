"""The longer text: in all languages, in English without a script, and with the note that publishers link."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import freespan.web
from freespan.browsers import Browser, Page
from freespan.web.about_page import fill
from tests.web.fakes import FakeHost

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATIC = Path(freespan.web.__file__).parent / "static"
READY = "document.querySelector('main.ready') && true"


def texts(language: str) -> dict[str, str]:
    file: dict[str, Any] = json.loads((STATIC / "languages" / "about" / f"{language}.json").read_text("utf-8"))
    found: dict[str, str] = file["texts"]
    return found


async def test_without_a_script_all_of_it_is_there_in_english() -> None:
    source = fill((STATIC / "pages" / "about.html").read_text("utf-8"))
    for text in texts("en").values():
        assert text.replace("'", "&#x27;") in source
    assert source.count("<li><a href=") == len(list((STATIC / "languages" / "about").iterdir()))


@asynccontextmanager
async def opened(browser: Browser, host: FakeHost, query: str) -> AsyncIterator[Page]:
    """The page with this query, when it has found its language."""
    page = await browser.open(f"{host.url}/about?{query}")
    try:
        await page.wait_for(READY)
        yield page
    finally:
        await page.close()


@pytest.mark.parametrize(
    ("wish", "language", "direction"),
    [("fa", "fa", "rtl"), ("zh-TW", "zh-Hant", "ltr"), ("en-GB", "en", "ltr"), ("x'<", "en", "ltr")],
)
async def test_the_query_chooses_the_language(
    browser: Browser, host: FakeHost, wish: str, language: str, direction: str
) -> None:
    async with opened(browser, host, f"lang={wish}") as page:
        root = await page.evaluate("[document.documentElement.lang, document.documentElement.dir, document.title]")
        assert root == [language, direction, texts(language)["title"]]
        places = "[...document.querySelectorAll('section [data-text]')]"
        shown = await page.evaluate(f"{places}.map((place) => place.textContent)")
        assert sorted([*shown, texts(language)["title"]]) == sorted(texts(language).values())
        said_so = await page.evaluate("!document.querySelector('.unchecked').hidden")
        assert said_so == (language != "en")


async def test_the_note_for_publishers_is_scrolled_into_view_in_its_language(browser: Browser, host: FakeHost) -> None:
    async with opened(browser, host, "lang=ru#publisher") as page:
        await page.wait_for("document.querySelector('#publisher').getBoundingClientRect().top < innerHeight")
        assert await page.evaluate("document.querySelector('#publisher p').textContent") == texts("ru")["publisher"]


async def test_another_language_is_two_clicks_away(browser: Browser, host: FakeHost) -> None:
    async with opened(browser, host, "lang=en#publisher") as page:
        await page.click("summary")
        await page.click("a[hreflang=ar]")
        await page.wait_for("document.documentElement.dir === 'rtl'")
        assert await page.evaluate("location.hash") == "#publisher"
        assert await page.evaluate("document.querySelector('[aria-current]').hreflang") == "ar"
