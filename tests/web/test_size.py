"""How many bytes a page loads before anybody clicks, with the click, and for the globe."""

from __future__ import annotations

import gzip
import json
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

import freespan.web
from freespan.web.scripts import script

STATIC = Path(freespan.web.__file__).parent / "static"
SWITCH_MAX = 12_000
BRIDGE_MAX = 17_500
GLOBE_MAX = 40_000
UNCOMPRESSED = 256
"""Shorter files are sent as they are."""
_IMPORT = re.compile(r'^(?:import|export)\b[^"]*"(\.[^"]+)";', re.MULTILINE)
_IN_HTML = re.compile(r'<(?:script|link)\b[^>]*\s(?:src|href)="([^"]+)"')


def loaded_directly_by(name: str) -> list[str]:
    """What a module or a page names itself, as paths below the folder."""
    text = (STATIC / name).read_text("utf-8")
    if name.endswith(".html"):
        return _IN_HTML.findall(text)  # pages are served at the top
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), found)) for found in _IMPORT.findall(text)]


def loaded_by(name: str) -> set[str]:
    """A module or a page, and all that comes with it."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += loaded_directly_by(name)
    return found


def read(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


def size_of(names: Iterable[str]) -> int:
    """As they are sent, each alone."""
    sizes = 0
    for name in names:
        served = read(name)
        if name.endswith(".js"):
            served = script(name, read)
        elif name.endswith(".json"):
            served = json.dumps(json.loads(served), ensure_ascii=False, separators=(",", ":"))
        plain = served.encode()
        sizes += len(plain) if len(plain) < UNCOMPRESSED else len(gzip.compress(plain, mtime=0))
    return sizes


def test_little_is_loaded_before_the_click() -> None:
    """The modules, and one language: the largest, since it may be any."""
    names = loaded_by("switch.js")
    assert {"switch.js", "element/element.js"} <= names
    words = max(size_of([f"languages/{path.name}"]) for path in (STATIC / "languages").glob("*.json"))
    assert size_of(names) + words <= SWITCH_MAX


def test_little_is_loaded_by_the_click_and_nothing_of_it_before() -> None:
    page, headless = loaded_by("bridge/main.js"), loaded_by("headless.js")
    assert {"bridge/core.js", "bridge/pipe.js", "bridge/clock.js"} <= page
    assert {"volunteer/iframe.js", "volunteer/volunteer.js"} <= headless
    # In one file each, and so with a copy of what tells whether bridge.js is needed.
    assert loaded_by("switch.js") & (page | headless) == {"volunteer/detect.js"}
    assert size_of(["bridge/bridge.html", "bridge/main.js", "headless.js", "element/caution.js"]) <= BRIDGE_MAX


def test_the_globe_is_small_and_loaded_only_where_it_is_shown() -> None:
    assert "globe/coastlines.js" in loaded_by("globe/page.js")
    assert set(loaded_directly_by("globe/globe.html")) == {"globe/globe.css", "globe/page.js"}
    assert size_of(["globe/globe.html", "globe/globe.css", "globe/page.js"]) <= GLOBE_MAX
    assert not loaded_by("globe/page.js") & (loaded_by("switch.js") | loaded_by("headless.js"))


def test_rare_parts_are_loaded_when_they_are_needed() -> None:
    late = {"element/caution.js", "element/tester.js", *loaded_by("self-test/self-test.js")}
    assert {"self-test/diagnose.js", "self-test/outlook.js", "bridge/gathering.js"} <= late
    assert not late & loaded_by("switch.js")
    assert not {name for name in loaded_by("bridge/main.js") if name.startswith("self-test/")}


def test_the_entry_names_all_that_it_loads() -> None:
    """So that a browser asks for everything at once."""
    assert set(loaded_directly_by("switch.js")) == loaded_by("switch.js") - {"switch.js"}


def test_nothing_comes_from_elsewhere() -> None:
    for path in (path for path in STATIC.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        for url in re.findall(r"\b(?:https?|wss?)://[^\s\"'`)<]+", text):
            assert url.startswith(("https://HOST", "https://${", "http://www.w3.org/2000/svg")), (path.name, url)
