"""Who is warned, in real browsers; tests/js/caution.test.js has the rest."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

import freespan.web
from freespan.browsers import Page
from tests.web.fakes import FakeHost

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZE_MAX = 1_000


def listed(words: str) -> list[str]:
    return words.split()


FILE = Path(freespan.web.__file__).parent / "static" / "element" / "caution.js"
COUNTRIES = listed("AZ BH BY CN CU EG ET IR KZ MM PK RU RW SA SD TH TR AE UZ VE VN AF ER KP LA SY TJ TM YE")
"""As docs/embedding.md names them."""
NAMES = json.loads((Path(__file__).parent.parent / "vectors" / "time_zones.json").read_text("utf-8"))["censored"]


async def caution(page: Page, host: FakeHost, browsers: list[dict[str, Any]]) -> list[list[str]]:
    found: list[list[str]] = await page.evaluate(f"""await (async () => {{
        const {{ caution }} = await import("{host.url}/element/caution.js");
        return {json.dumps(browsers)}.map(caution);
    }})()""")
    return found


async def test_zones_are_known_by_the_browser_s_own_names(page: Page, host: FakeHost) -> None:
    unknown = await page.evaluate(f"""await (async () => {{
        const {{ caution }} = await import("{host.url}/element/caution.js");
        const named = (timeZone) => new Intl.DateTimeFormat("en", {{ timeZone }}).resolvedOptions().timeZone;
        return {json.dumps(NAMES)}.map(named).filter((timeZone) => !caution({{ timeZone }}).includes("censored"));
    }})()""")
    assert unknown == []


async def test_all_zones_of_these_countries_and_of_no_other(page: Page, host: FakeHost) -> None:
    """As far as the browser knows which zones a country has."""
    zones = await page.evaluate(f"""(() => {{
        const zones = (code) => {{
            const locale = new Intl.Locale("und-" + code);
            return locale.getTimeZones?.() ?? locale.timeZones ?? [];
        }};
        return [{json.dumps(COUNTRIES)}.flatMap(zones), Intl.supportedValuesOf("timeZone")];
    }})()""")
    inside, everywhere = zones
    found = await caution(page, host, [{"timeZone": zone, "connection": None} for zone in everywhere])
    warned_zones = {zone for zone, warned in zip(everywhere, found, strict=True) if warned}
    if not inside:
        pytest.skip("this browser does not say which zones a country has")
    assert warned_zones - {"Europe/Simferopol"} == set(inside) & set(everywhere)


async def test_it_reads_the_browser_s_time_zone(page: Page, host: FakeHost) -> None:
    found, zone = await page.evaluate(f"""await (async () => {{
        const {{ caution }} = await import("{host.url}/element/caution.js");
        return [caution(), Intl.DateTimeFormat().resolvedOptions().timeZone];
    }})()""")
    assert ("censored" in found) == (zone in NAMES)


async def test_it_is_small() -> None:
    source = re.sub(r"^\s*(//.*|/\*\*[\s\S]*?\*/)\n", "", FILE.read_text("utf-8"), flags=re.MULTILINE)
    assert len(gzip.compress(source.encode(), mtime=0)) <= SIZE_MAX
