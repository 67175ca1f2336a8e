"""The browsers of this machine make of each name in the vectors what stands there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freespan.browsers import find_browsers, launch

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "names.json").read_text("utf-8"))
ASK = "JSON.stringify(%s.map((name) => { try { return new URL(`http://${name}`).hostname } catch { return null } }))"


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_a_browser_goes_where_the_vectors_say(kind: str) -> None:
    if kind not in find_browsers():
        pytest.skip(f"no {kind} on this machine")
    async with launch(kind) as browser:
        page = await browser.open("about:blank")
        found = json.loads(await page.evaluate(ASK % json.dumps([vector["text"] for vector in VECTORS])))
    at = ("chromium", "firefox").index(kind)
    expected = [vector["browsers"][at] if "browsers" in vector else vector["name"] for vector in VECTORS]
    assert dict(zip([vector["text"] for vector in VECTORS], found, strict=True)) == dict(
        zip([vector["text"] for vector in VECTORS], expected, strict=True)
    )
