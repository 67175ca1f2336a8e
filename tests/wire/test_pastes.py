"""Invites and addresses of hosts as people paste them: found, or it is said what is wrong."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import Invite, check_broker_url, format_invite, parse_invite
from freespan.wire.pasted_host import FAULTS, find_host
from freespan.wire.pasted_invite import find_invite, looks_like_invite
from freespan.wire.pasted_text import plain_text
from tests.support.attempts import attempt

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pastes.json").read_text("utf-8"))
TEXT: str = VECTORS["invite"]
INVITE = parse_invite(TEXT)
FOUND = [row for row in VECTORS["invites"] if "why" not in row]
REFUSED = [row for row in VECTORS["invites"] if "why" in row]
HOST = "https://bridge.example.org/garden-7Fq2"


def name_of(row: dict[str, Any]) -> str:
    return f"{row['kind']}: {row['text'][:24]!a}"


def host_or_fault(text: str) -> str:
    try:
        return find_host(text)
    except InputError as error:
        return next(name for name, reason in FAULTS.items() if str(error) == f"URL: {reason}")


# --- vectors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", FOUND, ids=name_of)
def test_the_invite_is_found(row: dict[str, Any]) -> None:
    assert find_invite(row["text"]) == INVITE


@pytest.mark.parametrize("row", REFUSED, ids=name_of)
def test_it_is_said_what_is_wrong_with_an_invite(row: dict[str, Any]) -> None:
    with pytest.raises(InviteError, match=re.escape(row["why"])) as caught:
        find_invite(row["text"])
    assert "\n" not in str(caught.value)
    assert TEXT[30:60] not in str(caught.value)


@pytest.mark.parametrize("row", VECTORS["hosts"], ids=name_of)
def test_the_host_is_found_or_it_is_said_what_is_wrong(row: dict[str, Any]) -> None:
    assert host_or_fault(row["text"]) == row.get("host", row.get("fault"))


def test_each_kind_has_several_vectors() -> None:
    counts = Counter(row["kind"] for row in VECTORS["invites"] + VECTORS["hosts"])
    assert min(counts.values()) >= 3


# --- properties ----------------------------------------------------------------------------------

JUNK = st.sampled_from(
    ["\u200b", "\u200f", "\u2066", "\xad", "\ufe0f", "\xa0", "\u3000", "\n", "\r\n> ", "\t", "\u060c", "=\n"]
)
WORDS = st.sampled_from(
    ["", "hello ", "سلام", "请用", "> ", "(", "«", "https://x.example/join#", "**", "freespan: ", "<b>"]
)


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), JUNK), max_size=8), WORDS, WORDS)
def test_junk_anywhere_in_an_invite_does_no_harm(junk: list[tuple[int, str]], before: str, behind: str) -> None:
    text = TEXT
    for at, piece in sorted(junk, reverse=True):
        text = text[:at] + piece + text[at:]
    assert find_invite(before + text + " " + behind) == INVITE
    assert looks_like_invite(before + text)


@given(
    st.lists(st.tuples(st.integers(0, len(HOST)), st.sampled_from("\u200b\u200f\u2066\xad\ufe0f\ufeff")), max_size=8),
    WORDS,
)
def test_what_is_invisible_does_an_address_no_harm(junk: list[tuple[int, str]], before: str) -> None:
    text = HOST
    for at, piece in sorted(junk, reverse=True):
        text = text[:at] + piece + text[at:]
    assert find_host(f"{before.replace('https://x.example/join#', '')}{text}\n") == HOST


@given(st.integers(len("freespan2_"), len(TEXT) - 1), st.characters(min_codepoint=0x21, max_codepoint=0x7E))
def test_no_guess_passes_the_check_sum(at: int, other: str) -> None:
    """Whatever was changed, what is found is the invite that somebody has made, or nothing."""
    found = attempt(lambda: find_invite(TEXT[:at] + other + TEXT[at + 1 :]), InviteError)
    assert isinstance(found, InviteError) or found == INVITE


@given(st.text() | st.text(st.sampled_from('freespan2_lq-–*\n<>="&%5F;\\ ')))
def test_any_text_has_an_invite_or_an_error_of_one_line(text: str) -> None:
    for whole in (text, TEXT[:60] + text):
        found = attempt(partial(find_invite, whole), InviteError)
        assert isinstance(found, Invite) or str(found).isprintable()


@given(st.text() | st.text(st.sampled_from('https:/.a0-_@[]?#&;%2F<>"\n ')) | st.text().map(HOST.__add__))
def test_any_text_has_a_host_or_an_error_of_one_line(text: str) -> None:
    found = attempt(lambda: find_host(text), InputError)
    if isinstance(found, InputError):
        assert found.reason in FAULTS.values()
    else:
        assert check_broker_url(found) == found
        assert find_host(f"{found}/") == found


LONG = {
    "words": "lorem ipsum 2_lq " * 60_000,
    "beginnings": "freespan2_lq" * 85_000,
    "damaged invites": (TEXT[:-6] + " ") * 4_000,
    "doubts": (TEXT[:100] + "\u2013" * 40) * 7_000,
    "tags": "<a" * 500_000,
    "entities": "&amp;" * 200_000,
    "escapes": "=41%41" * 170_000,
    "addresses": "https://a/?" * 90_000,
    "schemes": "https://" * 125_000,
    "addresses without a scheme": "a.aa/" * 200_000,
    "long lines": (">" * 40 + "x" * 2_100 + "\n") * 450,
    "long names": ("://" + "a" * 1_000) * 1_000,
    "attributes": 'src="' * 200_000,
    "look-alikes": "\u0430" * 500_000,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_a_megabyte_is_searched_to_its_end(text: str) -> None:
    """The work is bounded: were it not in proportion to the length, this would take minutes."""
    assert find_invite(f"{TEXT}\n{text}") == INVITE
    assert len(plain_text(text)) <= len(text)
    attempt(lambda: find_host(text), InputError)


def test_an_invite_that_is_found_is_written_as_it_was() -> None:
    assert format_invite(find_invite(f"> {TEXT}.")) == TEXT
