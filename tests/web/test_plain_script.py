"""Scripts are served without their comments, and do what they did with them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import freespan.web
from freespan.web.plain_script import plain_script

STATIC = Path(freespan.web.__file__).parent / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
SAVED_LEAST = 0.2

_TOKEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/                               # comments
    | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*"            # strings
    | (?P<template>`(?:\\.|[^`\\])*`)
    | (?:(?<=[(,=:!&|?]) | (?<=[(,=:!&|?]\ )) /(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+/  # regular expressions
    """,
    re.DOTALL | re.VERBOSE,
)


def templates_of(source: str) -> list[str]:
    return [found["template"] for found in _TOKEN.finditer(source) if found["template"]]


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("// a\nlet a = 1;\n", "let a = 1;\n"),
        ("  /** a\n   * b; // c\n   */\n  let a = 1; // stays\n\n", "let a = 1; // stays\n"),
        ("/** @type {A} */ (b).c();\n", "(b).c();\n"),
        ("/* a */ // b\n/**/ c();\n", "c();\n"),
        ("/* a\nb */ c();\nd();", "c();\nd();\n"),
        ('const url = "https://HOST/"; /* d\ne */\n', 'const url = "https://HOST/"; /* d\ne */\n'),
        ("a = b\n/* c */\n++d\r\n", "a = b\n++d\n"),
        ("", "\n"),
    ],
)
def test_comments_on_lines_of_their_own_are_not_sent(source: str, sent: str) -> None:
    assert plain_script(source) == sent


def test_scripts_are_smaller_by_more_than_a_little() -> None:
    before = [path.read_text("utf-8") for path in SCRIPTS]
    after = [plain_script(source) for source in before]
    assert sum(map(len, after)) < (1 - SAVED_LEAST) * sum(map(len, before))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_no_text_looks_like_a_comment(path: Path) -> None:
    """Nor does a string go on in the next line: lines are all that is looked at."""
    source = path.read_text("utf-8")
    for template in templates_of(source):
        assert not re.search(r"\n[ \t]*(//|/\*)", template), template
    assert not re.search(r"\\\n", source)


def test_templates_are_found() -> None:
    source = 'a = /[`"]/; b = "`"; // `\n/* ` */ c = `\n  // d`;'
    assert templates_of(source) == ["`\n  // d`"]


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed; the browsers' tests load most scripts")
def test_what_is_sent_is_javascript(tmp_path: Path) -> None:
    for number, path in enumerate(SCRIPTS):
        copy = tmp_path / f"{number}-{path.stem}.mjs"
        copy.write_text(plain_script(path.read_text("utf-8")), "utf-8")
    check = 'for f in "$@"; do node --check "$f" || exit 1; done'
    done = subprocess.run(["sh", "-c", check, "sh", *map(str, sorted(tmp_path.iterdir()))], timeout=120, check=False)
    assert done.returncode == 0
