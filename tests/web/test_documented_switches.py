"""Every switch in the documentation has its closing tag, without which it would take in the rest of a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXTS = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "wordpress/freespan-switch/readme.txt")),
]
_HTML_BLOCK = re.compile(r"^```html\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WITH_ATTRIBUTES = re.compile(r"<freespan-switch\s[^>]*>.*")
_OPENING, _CLOSING = re.compile(r"<freespan-switch[\s>]"), "</freespan-switch>"


def unclosed(text: str) -> list[str]:
    """Return the examples that lack a closing tag: blocks of HTML, and elements with attributes inside a line.

    A bare `<freespan-switch>` outside a block of HTML is the name of the element.
    """
    examples = [*_HTML_BLOCK.findall(text), *_WITH_ATTRIBUTES.findall(_HTML_BLOCK.sub("", text))]
    return [example for example in examples if len(_OPENING.findall(example)) != example.count(_CLOSING)]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_switch_is_closed(path: Path) -> None:
    assert unclosed(path.read_text("utf-8")) == []


def test_an_open_one_is_found() -> None:
    line = '<freespan-switch host="https://HOST/">'
    assert unclosed(f"name the host: `{line}`; or") != []
    assert unclosed(f"name the host: `{line}</freespan-switch>`; or") == []
    assert unclosed("```html\n<freespan-switch>\n```\n") != []
    assert unclosed("```html\n<freespan-switch>\n</freespan-switch>\n```\n") == []
    assert unclosed("The element `<freespan-switch>` is small.") == []
