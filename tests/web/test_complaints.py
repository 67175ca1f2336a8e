"""The page for complaints: an admin's own words, or an explanation with them."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.web.complaints import CONTACT_MAX, check_contact, complaints_page, keep_complaints_page
from freespan.wire.errors import InputError

CONTACT = (
    "Unwanted traffic? Write to abuse@host.example or see https://host.example/why?a=1&b=2.\nWir antworten schnell: ü"
)


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: bytes) -> _Read:
    parser = _Read()
    parser.feed(page.decode())
    return parser


def test_by_itself_the_page_has_no_byte_that_is_not_the_admins_own() -> None:
    """A sentence of ours would be on every host, and so would betray all of them."""
    assert complaints_page(f" {CONTACT}\n\n", explained=False).decode() == CONTACT + "\n"


def test_who_wants_it_explained_says_what_this_is_and_how_to_be_left_alone() -> None:
    page = read(complaints_page(CONTACT, explained=True))
    text = " ".join("".join(page.words).split())
    assert "This is a host of freespan." in text
    assert "close your name or your network" in text
    assert CONTACT.replace("\n", " ") in text
    assert page.links == ["mailto:abuse@host.example", "https://host.example/why?a=1&b=2"]


@given(st.text())
def test_no_words_become_a_part_of_the_page(contact: str) -> None:
    usual, page = read(complaints_page("", explained=True)), read(complaints_page(contact, explained=True))
    assert [tag for tag in page.tags if tag != "a"] == usual.tags
    assert all(link.startswith(("mailto:", "http://", "https://")) for link in page.links)


@pytest.mark.parametrize(
    ("contact", "why"),
    [
        ("", None),
        (CONTACT, None),
        ("x" * CONTACT_MAX, None),
        ("x" * (CONTACT_MAX + 1), "must have at most 4,000 characters"),
        (" \n", "must be text"),
        ("a\0b", "must be text"),
        ("a\x1b[31mb", "must be text"),
        ("\ud800", "must be text"),
    ],
)
def test_which_words_can_be_used(contact: str, why: str | None) -> None:
    assert check_contact(contact) == why


def test_a_page_that_is_kept_keeps_its_date_until_its_words_change(tmp_path: Path) -> None:
    path = keep_complaints_page(tmp_path, CONTACT, explained=False)
    os.utime(path, (1_000, 1_000))
    assert keep_complaints_page(tmp_path, CONTACT, explained=False) == path
    assert path.stat().st_mtime == 1_000
    keep_complaints_page(tmp_path, "other", explained=False)
    assert path.read_text() == "other\n"
    assert path.stat().st_mtime > 1_000


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "complaints.html").mkdir()
    with pytest.raises(InputError, match=r"data: complaints\.html cannot be written: is a directory"):
        keep_complaints_page(tmp_path, CONTACT, explained=True)
