"""The browsers of this machine make of each name in the vectors what stands there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freespan.browsers import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "names.json").read_text("utf-8"))
ASK = "JSON.stringify(%s.map((name) => { try { return new URL(`http://${name}`).hostname } catch { return null } }))"


async def test_a_browser_goes_where_the_vectors_say(browser: Browser) -> None:
    """Where the two differ, the vector has what each of them makes of it."""
    texts = [vector["text"] for vector in VECTORS]
    page = await browser.open("about:blank")
    try:
        is_firefox = await page.evaluate("navigator.userAgent.includes('Firefox/')")
        found = json.loads(await page.evaluate(ASK % json.dumps(texts)))
    finally:
        await page.close()
    expected = [vector.get("browsers", [vector["name"]] * 2)[is_firefox] for vector in VECTORS]
    assert dict(zip(texts, found, strict=True)) == dict(zip(texts, expected, strict=True))
