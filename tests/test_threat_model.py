"""docs/threat-model.md names, for each thing that an attacker may try, what stops it and the tests that show it.

Tests that pages name exist: `tests/FILE.py::test_name`, or the title of a test in tests/js.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "threat-model.md"
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]

ATTACKERS = [
    "A censor on the wire",
    "A prober",
    "A bridge",
    "A client",
    "A stranger",
    "The page around the switch",
    "A site",
    "A curious host",
    "Somebody on the same machine",
]
COLUMNS = ["what they try", "what stops it", "what is left", "tests"]

_NAMED_TEST = re.compile(r"`(tests/[\w./-]+\.(?:py|js))(?:::([^`]+))?`")
_ROW = re.compile(r"^\|(.*)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    attacker: str
    tries: str
    stops: str
    left: str
    tests: str


def sections(text: str) -> dict[str, str]:
    """The text below each heading of the third level."""
    parts = re.split(r"^### (.+)$|^## .+$", text, flags=re.MULTILINE)
    return {heading: below for heading, below in zip(parts[1::2], parts[2::2], strict=True) if heading}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]


def rows(text: str) -> list[Row]:
    """All rows of the tables about attackers."""
    found = []
    for attacker, below in sections(text).items():
        head, _, *lines = [cells(line) for line in _ROW.findall(below)] or [[], []]
        assert head == COLUMNS, f"{attacker}: its table has other columns"
        assert all(len(line) == len(COLUMNS) for line in lines), f"{attacker}: a row has more or fewer cells"
        found += [Row(attacker, *line) for line in lines]
    return found


def named_tests(text: str) -> list[tuple[str, str]]:
    """Files and names of the tests that a text names; the name is empty where a whole file is named."""
    return [(match[1], match[2] or "") for match in _NAMED_TEST.finditer(text)]


@cache
def names_of_tests(path: str) -> frozenset[str]:
    """The names of the tests in a file."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".js"):
        return frozenset(re.findall(r'^test\("([^"]+)"', text, re.MULTILINE))
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def missing(text: str) -> list[str]:
    """The tests that a text names and that do not exist."""
    gone = []
    for path, name in named_tests(text):
        if not (ROOT / path).is_file():
            gone.append(path)
        elif name and name not in names_of_tests(path):
            gone.append(f"{path}::{name}")
    return gone


def test_every_attacker_has_a_table() -> None:
    assert list(sections(PAGE.read_text(encoding="utf-8"))) == ATTACKERS


def test_every_row_says_what_stops_it_and_names_a_test_for_it() -> None:
    found = rows(PAGE.read_text(encoding="utf-8"))
    assert {row.attacker for row in found} == set(ATTACKERS)
    assert [row.tries for row in found if not (row.tries and row.stops and row.left)] == []
    assert [row.tries for row in found if not any(name for _, name in named_tests(row.tests))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_test_that_is_named_exists(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8")) == []


def test_every_invariant_names_its_tests() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Invariants")[2]
    invariants = re.split(r"^\d+\. ", text, flags=re.MULTILINE)[1:]
    assert len(invariants) >= 6
    assert [invariant.partition(".")[0] for invariant in invariants if not named_tests(invariant)] == []


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("`tests/test_threat_model.py::test_every_attacker_has_a_table`", []),
        ("`tests/test_threat_model.py`", []),
        ("`tests/test_threat_model.py::test_that_is_not_here`", ["tests/test_threat_model.py::test_that_is_not_here"]),
        ("`tests/no_such_file.py::test_a`", ["tests/no_such_file.py"]),
        ("`tests/test_threat_model.py::rows`", ["tests/test_threat_model.py::rows"]),
        ("`tests/js/clock.test.js::time never goes back`", []),
        ("`tests/js/clock.test.js::time goes back`", ["tests/js/clock.test.js::time goes back"]),
    ],
)
def test_a_test_that_is_gone_is_noticed(text: str, gone: list[str]) -> None:
    assert missing(text) == gone


def test_a_row_is_read_by_its_cells() -> None:
    head = f"| {' | '.join(COLUMNS)} |\n|---|---|---|---|"
    text = f"### A bridge\n\n{head}\n| a \\| b | c | d | `tests/x.py::test_e` |\n\n## Next\n"
    assert rows(text) == [Row("A bridge", "a \\| b", "c", "d", "`tests/x.py::test_e`")]
