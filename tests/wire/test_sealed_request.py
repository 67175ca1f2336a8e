import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import MessageError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import RENDEZVOUS_BODY_MAX, RENDEZVOUS_STEPS
from freespan.wire.sealed_request import (
    REPLY_KEY_SIZE,
    SealedRequest,
    decode_sealed_request,
    encode_sealed_request,
    padded,
)
from tests.support.attempts import attempt

OVERHEAD = 48
KEYS = TOKEN_SIZE + REPLY_KEY_SIZE
TOKEN, REPLY_KEY = b"t" * TOKEN_SIZE, b"r" * REPLY_KEY_SIZE
LONGEST = RENDEZVOUS_BODY_MAX - OVERHEAD - KEYS


@given(
    st.binary(min_size=TOKEN_SIZE, max_size=TOKEN_SIZE),
    st.binary(min_size=REPLY_KEY_SIZE, max_size=REPLY_KEY_SIZE),
    st.binary(max_size=3_000),
)
def test_round_trip(token: bytes, reply_key: bytes, message: bytes) -> None:
    decoded = decode_sealed_request(encode_sealed_request(SealedRequest(token, reply_key, message), OVERHEAD))
    assert (decoded.token, decoded.reply_key) == (token, reply_key)
    assert decoded.message.startswith(message)
    assert not decoded.message[len(message) :].strip(b" ")


@given(st.integers(0, LONGEST))
def test_the_body_has_the_size_of_the_smallest_step_that_holds_it(size: int) -> None:
    body = len(encode_sealed_request(SealedRequest(TOKEN, REPLY_KEY, bytes(size)), OVERHEAD)) + OVERHEAD
    assert body in RENDEZVOUS_STEPS
    assert not [step for step in RENDEZVOUS_STEPS if size + KEYS + OVERHEAD <= step < body]


def test_a_message_that_fits_into_no_step_is_refused() -> None:
    assert len(padded(bytes(LONGEST), OVERHEAD + KEYS)) == LONGEST
    with pytest.raises(ValueError, match="longer than the longest"):
        padded(bytes(LONGEST + 1), OVERHEAD + KEYS)


@pytest.mark.parametrize("size", [0, TOKEN_SIZE, KEYS - 1])
def test_what_is_too_short_for_the_keys_is_refused(size: int) -> None:
    with pytest.raises(MessageError, match="too short"):
        decode_sealed_request(bytes(size))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_request_or_a_message_error(plaintext: bytes) -> None:
    assert isinstance(attempt(lambda: decode_sealed_request(plaintext), MessageError), SealedRequest | MessageError)


def test_neither_the_token_nor_the_reply_key_is_in_its_description() -> None:
    assert "ttt" not in repr(SealedRequest(TOKEN, REPLY_KEY, b"{}"))
    assert "rrr" not in repr(SealedRequest(TOKEN, REPLY_KEY, b"{}"))
