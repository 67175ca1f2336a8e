"""Names of sites as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.egress.names import forms_of, is_plain
from freespan.wire.errors import InputError
from freespan.wire.target import parse_host


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("News.Example.", {"news.example"}),
        ("straße.example", {"strasse.example", "xn--strae-oqa.example"}),
        ("bücher.example", {"xn--bcher-kva.example"}),
        ("１.２.３.４", {"1.2.3.4"}),
        ("2A00::1", {"2a00::1"}),
    ],
)
def test_a_name_in_the_forms_that_programs_ask_for(name: str, forms: set[str]) -> None:
    assert forms_of(name) == forms


@pytest.mark.parametrize("name", ["", "a b", "ä b", "*.example", "-", "ä..example", "999.1.1.1", "０x7f.1"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(InputError):
        forms_of(name)


PIECES = st.sampled_from(["a", "-", "_", ".", "1", "xn--", "0x", "A", "ä", " ", "a" * 62, "example", "\n"])


@given(st.text() | st.lists(PIECES, max_size=12).map("".join))
def test_a_plain_name_is_one_and_has_no_other_form(text: str) -> None:
    if is_plain(text):
        assert forms_of(text) == {parse_host(text)} == {text}


def test_most_names_are_plain() -> None:
    assert all(map(is_plain, ("news.example", "a-b.c_d.1x.xn--bcher-kva.example", "localhost")))
    assert not any(map(is_plain, ("1.2.3.4", "News.example", "news.example.", "a" * 64 + ".example", "a." * 127 + "a")))
