"""Which licences may be shipped, and what packages say of theirs."""

import re
from email.message import EmailMessage, Message
from pathlib import Path

import pytest

from scripts.licences import ALLOWED, is_allowed, licence_of

PAGE = Path(__file__).parents[2] / "docs" / "dependencies.md"


def metadata(**fields: str) -> Message:
    message = EmailMessage()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return message


@pytest.mark.parametrize(
    "expression",
    [
        "MIT",
        "Apache-2.0 AND MIT",
        "GPL-2.0-only OR MIT",
        "(MIT OR GPL-3.0-only) AND ISC",
        "Apache-2.0 WITH LLVM-exception",
    ],
)
def test_allowed(expression: str) -> None:
    assert is_allowed(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "GPL-3.0-or-later",
        "MIT AND GPL-2.0-only",
        "AGPL-3.0-only OR SSPL-1.0",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "Proprietary",
        "",
        "AND",
        "MIT OR",
        "(MIT",
    ],
)
def test_not_allowed(expression: str) -> None:
    assert not is_allowed(expression)


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        (metadata(License_Expression="Apache-2.0 OR BSD-3-Clause", License="x"), "Apache-2.0 OR BSD-3-Clause"),
        (metadata(License="Apache 2.0"), "Apache-2.0"),
        (metadata(License="see below", Classifier="License :: OSI Approved :: MIT License"), "MIT"),
        (metadata(Classifier="License :: OSI Approved :: BSD License"), None),  # which of them?
        (metadata(License="GPL"), None),
        (metadata(), None),
        (None, None),
    ],
)
def test_what_a_package_says(said: Message | None, licence: str | None) -> None:
    assert licence_of("package", said) == licence


def test_what_a_person_has_read_comes_first() -> None:
    assert licence_of("colorama", None) == "BSD-3-Clause"


def test_the_page_gives_a_reason_for_each_of_them_and_for_no_other() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| \S", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(ALLOWED)
