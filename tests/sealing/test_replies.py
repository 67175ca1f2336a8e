import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.sealing.replies import REPLY_OVERHEAD, new_reply_key, open_reply, seal_reply
from freespan.wire.errors import SealError
from freespan.wire.sealed_request import REPLY_KEY_SIZE
from tests.support.attempts import attempt

KEY = bytes(range(REPLY_KEY_SIZE))


@given(st.binary(max_size=300))
def test_round_trip(plaintext: bytes) -> None:
    sealed = seal_reply(KEY, b"x", plaintext)
    assert len(sealed) == len(plaintext) + REPLY_OVERHEAD
    assert open_reply(KEY, b"x", sealed) == plaintext


@given(st.binary(max_size=50), st.data())
def test_a_changed_or_cut_answer_is_refused(plaintext: bytes, data: st.DataObject) -> None:
    sealed = seal_reply(KEY, b"x", plaintext)
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    changed = bytearray(sealed)
    changed[at // 8] ^= 1 << at % 8
    for other in (bytes(changed), sealed[: at // 8], sealed + b"\0"):
        with pytest.raises(SealError):
            open_reply(KEY, b"x", other)


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(sealed: bytes) -> None:
    assert isinstance(attempt(lambda: open_reply(KEY, b"x", sealed), SealError), SealError)


def test_an_answer_is_for_one_message_and_one_purpose() -> None:
    sealed = seal_reply(KEY, b"hello", b"text")
    for key, purpose in ((new_reply_key(), b"hello"), (KEY, b"rendezvous")):
        with pytest.raises(SealError):
            open_reply(key, purpose, sealed)


def test_two_answers_to_one_message_share_no_key_stream() -> None:
    """A host that has forgotten a message may answer a copy of it in another way."""
    one, other = (seal_reply(KEY, b"x", bytes(64)) for _ in range(2))
    assert one[:32] != other[:32]
    assert one[32:] != other[32:]


def test_every_key_is_another() -> None:
    assert len({new_reply_key() for _ in range(8)}) == 8
    assert len(new_reply_key()) == REPLY_KEY_SIZE
