"""What of somebody else's text reaches a terminal."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.terminal.text import columns, lines, one_line

OBEYED = {
    "a title": ("\x1b]0;mine\x07.txt", "\ufffd]0;mine\ufffd.txt"),
    "a link, ended by ST": ("\x1b]8;;http://x\x1b\\here", "\ufffd]8;;http://x\ufffd\\here"),
    "the clipboard, by C1": ("\x9d52;c;aGk=\x9c", "\ufffd52;c;aGk=\ufffd"),
    "colours": ("a\x1b[31mred", "a\ufffd[31mred"),
    "colours, by C1": ("a\x9b31mred", "a\ufffd31mred"),
    "a cleared screen": ("\x1bc\x1b[2J", "\ufffdc\ufffd[2J"),
    "a DCS": ("\x1bPq#0\x1b\\", "\ufffdPq#0\ufffd\\"),
    "a line written over": ("safe\rbad", "safe bad"),
    "backspaces and a bell": ("no\b\b\a", "no\ufffd\ufffd\ufffd"),
    "lines": ("a\nb\u2028c\u2029d\x85e\x0bf", "a b c d e f"),
    "NUL and DEL": ("a\0b\x7f", "a\ufffdb\ufffd"),
    "another direction": ("photo\u202egpj.exe", "photogpj.exe"),
    "isolates and marks": ("\u2066a\u2069\u200eb\u200fc\u061cd", "abcd"),
    "what is not seen": ("fr\u00adee\ufeff\u200bspan\u2060\U000e0041", "freespan"),
    "halves of characters": ("a\ud83d\udcffb", "a\ufffd\ufffdb"),
}
SHOWN = [
    *("plain", "é ü ñ", "读者", "שלום", "می\u200cخواهم", "ක්\u200dෂ", "e\u0301", "\U0001f469\u200d\U0001f4bb ❤️"),
    *("a\u00a0b\u3000c", "\u0601١٢", "\ue000"),
]


@pytest.mark.parametrize(("text", "shown"), OBEYED.values(), ids=OBEYED.keys())
def test_what_a_terminal_obeys_does_not_reach_it(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize("text", SHOWN)
def test_words_of_all_languages_are_shown_as_they_are(text: str) -> None:
    assert one_line(text) == lines(text) == text


def test_no_character_that_a_terminal_obeys_is_left() -> None:
    left = one_line("".join(map(chr, range(sys.maxunicode + 1))))
    assert {c for c in left if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")} == set()
    assert not {unicodedata.bidirectional(c) for c in left} & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI"}


@given(st.text())
def test_what_is_shown_is_one_line_and_shown_again_the_same(text: str) -> None:
    shown = one_line(text)
    assert len(shown.splitlines()) <= 1
    assert one_line(shown) == shown


def test_lines_that_are_meant_stay_lines() -> None:
    assert lines("a\n\nb\x1b[1m\tc\n") == "a\n\nb\ufffd[1m c\n"


def test_columns_stand_below_one_another_in_any_script() -> None:
    rows = [("NAME", "STATE"), ("读者们", "valid"), ("e\u0301te\u0301", "revoked"), ("a\x1b[2Jb", "valid")]
    assert columns(rows) == [
        "NAME    STATE",
        "读者们  valid",
        "e\u0301te\u0301     revoked",
        "a\ufffd[2Jb  valid",
    ]


def test_a_long_cell_pushes_its_own_row_aside() -> None:
    assert columns([("a", "b"), ("long" * 5, "c")], widest=4) == ["a     b", "long" * 5 + "  c"]
