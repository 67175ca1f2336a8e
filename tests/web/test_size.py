"""What a page loads before anybody clicks."""

from __future__ import annotations

import gzip
import posixpath
import re
from pathlib import Path

import freespan.web

STATIC = Path(freespan.web.__file__).parent / "static"
SIZE_MAX = 12_000
GLOBE_SIZE_MAX = 25_000
_IMPORT = re.compile(r'^(?:import|export)\b[^"]*"(\.[^"]+)";', re.MULTILINE)


def imported_by(name: str) -> list[str]:
    """What a module names itself, as paths below the folder."""
    text = (STATIC / name).read_text("utf-8")
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), found)) for found in _IMPORT.findall(text)]


def loaded_by(name: str) -> set[str]:
    """A module and all that it imports."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imported_by(name)
    return found


def test_little_is_loaded_before_the_click() -> None:
    names = loaded_by("switch.js")
    size = sum(len(gzip.compress((STATIC / name).read_bytes(), mtime=0)) for name in names)
    assert {"switch.js", "element/element.js", "volunteer/frame.js"} <= names
    assert size <= SIZE_MAX


def test_the_bridge_is_loaded_after_the_click_alone() -> None:
    late = loaded_by("frame/main.js")
    assert {"frame/session.js", "frame/pipe.js", "frame/clock.js"} <= late
    assert not loaded_by("switch.js") & late


def test_the_globe_is_small_and_loaded_where_it_is_shown_alone() -> None:
    names = loaded_by("globe/globe.js")
    size = sum(len(gzip.compress((STATIC / name).read_bytes(), mtime=0)) for name in names)
    assert "globe/coastlines.js" in names
    assert size <= GLOBE_SIZE_MAX
    assert not names & (loaded_by("switch.js") | loaded_by("frame/main.js"))


def test_what_is_seldom_wanted_is_loaded_when_it_is() -> None:
    late = {"element/caution.js", "element/tester.js", *loaded_by("self-test/self-test.js")}
    assert {"self-test/examine.js", "self-test/outlook.js", "frame/gathering.js"} <= late
    assert not late & loaded_by("switch.js")
    assert not {name for name in loaded_by("frame/main.js") if name.startswith("self-test/")}


def test_the_entry_names_all_that_it_loads() -> None:
    """So that a browser asks for everything at once."""
    named = set(imported_by("switch.js"))
    assert named == loaded_by("switch.js") - {"switch.js"}


def test_nothing_comes_from_elsewhere() -> None:
    for path in (path for path in STATIC.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        for url in re.findall(r"\b(?:https?|wss?)://[^\s\"'`)<]+", text):
            assert url.startswith(("https://HOST", "http://www.w3.org/2000/svg")), (path.name, url)
