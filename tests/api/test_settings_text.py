"""What is written about the settings of a host for people."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from freespan.api.options import options_of
from freespan.api.settings import HostSettings
from freespan.api.settings_text import markdown_table, toml_template
from freespan.api.sources import read_sources
from scripts.options_table import PAGE, with_tables

NAMES = [each.name for each in options_of(HostSettings).values()]


def test_the_template_changes_nothing_as_it_is(tmp_path: Path) -> None:
    template = toml_template(HostSettings)
    assert tomllib.loads(template) == {}
    assert max(len(line) for line in template.splitlines()) <= 100


def test_the_template_has_every_setting_with_a_value_that_can_be_used(tmp_path: Path) -> None:
    file = tmp_path / "host.toml"
    file.write_text(re.sub(r"^#(?=[a-z])", "", toml_template(HostSettings), flags=re.MULTILINE))
    assert list(tomllib.loads(file.read_text())) == NAMES
    sourced = read_sources(HostSettings, {}, {}, file)
    assert set(sourced.origins) == set(options_of(HostSettings))


def test_the_table_has_every_option() -> None:
    rows = [line for line in markdown_table(HostSettings).splitlines() if line.startswith("| `")]
    assert [re.split(r"[ `]", row)[2].removeprefix("--") for row in rows] == NAMES
    assert all(row.count("|") == 4 for row in rows)


def test_the_page_on_hosting_has_the_tables_of_today() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page, "run: .venv/bin/python scripts/options_table.py"
