"""Writes the options of a settings class for people: a TOML template, the tables of the docs, a list of values."""

from __future__ import annotations

import itertools
import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from freespan.api.options import Option, options_of
from freespan.api.sources import CONFIG_VARIABLE, Sourced

_COLUMNS = 100
_TEMPLATE_HEAD = f"""\
# Settings of `freespan serve`, which reads this file with --config or from {CONFIG_VARIABLE}.
# Remove the # in front of a line to set it. Options on the command line and FREESPAN_ variables
# override this file.
"""


def toml_template(settings: type) -> str:
    """A TOML file in which every setting is explained and commented out."""
    parts = [_TEMPLATE_HEAD]
    for group, options in _grouped(settings):
        parts.append(f"\n# --- {group} {'-' * (_COLUMNS - 7 - len(group))}\n")
        for each in options:
            text = each.about.help + _default_sentence(each)
            parts.append("\n" + textwrap.fill(text, _COLUMNS, initial_indent="# ", subsequent_indent="# ") + "\n")
            parts.append(f"#{each.name} = {each.about.example or _as_toml(each.default)}\n")
    return "".join(parts)


def markdown_table(settings: type) -> str:
    """The tables of all options for the docs, one under the heading of each group."""
    parts = []
    for group, options in _grouped(settings):
        rows = [f"| `{_usage(each)}` | {_meaning(each)} | {_code(each.default_text)} |" for each in options]
        parts.append("\n".join([f"### {group}", "", "| option | meaning | default |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def listing(sourced: Sourced[Any]) -> list[tuple[str, str, str]]:
    """Name, value and origin of every setting, in their order; the origin of a default is `default`."""
    rows = []
    for field, each in options_of(type(sourced.settings)).items():
        value = each.shown(getattr(sourced.settings, field))
        shown = "-" if value in (None, "", ()) else _as_toml(value)
        rows.append((each.name, shown, sourced.origins.get(field, "default")))
    return rows


def as_json(sourced: Sourced[Any]) -> Mapping[str, object]:
    """The same for programs: `{"port": {"value": 443, "from": "--port"}, …}`."""
    found: dict[str, object] = {}
    for field, each in options_of(type(sourced.settings)).items():
        value = each.shown(getattr(sourced.settings, field))
        plain = str(value) if isinstance(value, Path) else value
        found[each.name] = {"value": plain, "from": sourced.origins.get(field, "default")}
    return found


def _grouped(settings: type) -> Iterator[tuple[str, list[Option]]]:
    for group, options in itertools.groupby(options_of(settings).values(), lambda each: each.about.group):
        yield group, list(options)


def _as_toml(value: object) -> str:
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _default_sentence(each: Option) -> str:
    return f" Default: {each.default_text}." if each.default_text else ""


def _usage(each: Option) -> str:
    if each.kind is bool:
        return f"{each.flag}` `--no-{each.name}" if each.default else each.flag
    return f"{each.flag} {each.metavar}"


def _meaning(each: Option) -> str:
    text = each.about.help.removesuffix(".")
    if each.is_list:
        text += f"; up to {each.about.most}" if each.about.most else "; repeatable"
    return f"{text}. {each.about.details}" if each.about.details else text


def _code(text: str) -> str:
    return f"`{text}`" if text and " " not in text and text not in ("yes", "no") else text
