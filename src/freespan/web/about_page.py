"""The page with the longer text, as it is sent: readable in English without a script, with a menu of languages."""

from __future__ import annotations

import json
import re
from functools import partial
from html import escape
from importlib.resources import files
from typing import Any

_TEXTS = files(__package__).joinpath("static", "languages", "about")
_PLACE_OF_TEXT = re.compile(r'(data-text="(\w+)">)(?=<)')
_PLACE_OF_LANGUAGES = "<!-- languages -->"
_FIRST = "en"


def fill(source: str) -> str:
    """Write the English texts into the elements with `data-text`, and the names of the languages into their list."""
    languages: list[dict[str, Any]] = [json.loads(file.read_text("utf-8")) for file in _TEXTS.iterdir()]
    languages.sort(key=lambda language: (language["language"] != _FIRST, language["language"]))
    source = _PLACE_OF_TEXT.sub(partial(_with_text, languages[0]["texts"]), source)
    return source.replace(_PLACE_OF_LANGUAGES, "".join(map(_link, languages)))


def _with_text(texts: dict[str, str], place: re.Match[str]) -> str:
    return place[1] + escape(texts[place[2]])


def _link(language: dict[str, Any]) -> str:
    code, name, direction = (escape(language[key]) for key in ("language", "name", "direction"))
    return f'<li><a href="about?lang={code}" hreflang="{code}" lang="{code}" dir="{direction}">{name}</a></li>'
