"""A token opens nothing but what its host has made it for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.access.tokens import ID_SIZE, Tokens

TOKENS = Tokens(bytes(range(32)))


@given(st.binary(min_size=ID_SIZE, max_size=ID_SIZE))
def test_a_host_knows_its_own_tokens(invite_id: bytes) -> None:
    token = TOKENS.issue(invite_id)
    assert (len(token), TOKENS.id_of(token)) == (24, invite_id)


def test_the_token_of_an_invite_is_always_the_same() -> None:
    assert TOKENS.issue(b"12345678") == Tokens(bytes(range(32))).issue(b"12345678")


@given(st.binary(max_size=64))
def test_nobody_can_make_one_up(token: bytes) -> None:
    assert TOKENS.id_of(token) is None


@pytest.mark.parametrize("place", range(24))
def test_a_token_with_one_changed_bit_is_none(place: int) -> None:
    token = bytearray(TOKENS.issue(b"12345678"))
    token[place] ^= 1
    assert TOKENS.id_of(bytes(token)) is None


@pytest.mark.parametrize("size", [*range(24), 25, 48])
def test_a_token_of_another_length_is_none(size: int) -> None:
    assert TOKENS.id_of((TOKENS.issue(b"12345678") * 2)[:size]) is None


def test_a_token_of_another_host_is_none() -> None:
    assert TOKENS.id_of(Tokens(bytes(32)).issue(b"12345678")) is None


def test_an_id_of_another_length_gets_no_token() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        TOKENS.issue(b"123")
