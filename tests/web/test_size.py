"""What a page loads before anybody clicks, by the click, and for the globe: bytes as they are served."""

from __future__ import annotations

import gzip
import posixpath
import re
from pathlib import Path

import freespan.web
from freespan.web.scripts import script

STATIC = Path(freespan.web.__file__).parent / "static"
SWITCH_MAX = 12_000
BRIDGE_MAX = 15_000
GLOBE_MAX = 40_000
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


def size_of(names: set[str]) -> int:
    sizes = 0
    for name in names:
        text = (STATIC / name).read_text("utf-8")
        served = plain_script(text) if name.endswith(".js") else text
        sizes += len(gzip.compress(served.encode(), mtime=0))
    return sizes


def test_little_is_loaded_before_the_click() -> None:
    """The modules, and one language: the largest, since it may be any."""
    names = loaded_by("switch.js")
    assert {"switch.js", "element/element.js", "volunteer/frame.js"} <= names
    words = max(size_of({f"languages/{path.name}"}) for path in (STATIC / "languages").glob("*.json"))
    assert size_of(names) + words <= SWITCH_MAX


def test_little_is_loaded_by_the_click_and_nothing_of_it_before() -> None:
    names = loaded_by("frame/bridge.html")
    assert {"frame/main.js", "frame/session.js", "frame/pipe.js", "frame/clock.js"} <= names
    assert size_of(names) <= BRIDGE_MAX
    assert not loaded_by("switch.js") & names


def test_the_globe_is_small_and_loaded_where_it_is_shown_alone() -> None:
    names = loaded_by("globe/globe.html")
    assert {"globe/page.js", "globe/globe.css", "globe/coastlines.js"} <= names
    assert size_of(names) <= GLOBE_MAX
    assert not names & (loaded_by("switch.js") | loaded_by("frame/bridge.html"))


def test_the_entries_name_all_that_they_load() -> None:
    """So that a browser asks for everything at once."""
    assert set(loaded_directly_by("switch.js")) == loaded_by("switch.js") - {"switch.js"}
    named = set(loaded_directly_by("globe/globe.html"))
    assert named == loaded_by("globe/globe.html") - {"globe/globe.html"}


def test_nothing_comes_from_elsewhere() -> None:
    for path in (path for path in STATIC.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        for url in re.findall(r"\b(?:https?|wss?)://[^\s\"'`)<]+", text):
            assert url.startswith(("https://HOST", "http://www.w3.org/2000/svg")), (path.name, url)
