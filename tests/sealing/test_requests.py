import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.sealing.hpke import Opener, seal
from freespan.sealing.replies import new_reply_key
from freespan.sealing.requests import open_answer, open_request, seal_answer, seal_request
from freespan.wire.errors import MessageError, SealError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import RENDEZVOUS_STEPS
from freespan.wire.sealed_request import SealedRequest
from tests.support.attempts import attempt
from tests.support.invites import SEALING_KEY

PUBLIC = SEALING_KEY.public_key().public_bytes_raw()
OPENER = Opener(SEALING_KEY)
TOKEN = b"t" * TOKEN_SIZE


def request(message: bytes) -> SealedRequest:
    return SealedRequest(TOKEN, new_reply_key(), message)


@given(st.binary(max_size=5_000))
def test_a_request_and_its_answer(message: bytes) -> None:
    sent = request(message)
    body = seal_request(PUBLIC, sent)
    got = open_request(OPENER, body)
    assert (got.token, got.reply_key, got.message.rstrip(b" ")) == (sent.token, sent.reply_key, message.rstrip(b" "))
    answer = seal_answer(got.reply_key, message)
    assert open_answer(sent.reply_key, answer).rstrip(b" ") == message.rstrip(b" ")
    assert {len(body), len(answer)} <= set(RENDEZVOUS_STEPS)


def test_what_is_usual_has_one_size_in_both_directions() -> None:
    sizes = {len(seal_request(PUBLIC, request(bytes(size)))) for size in (0, 700, 1_900)}
    sizes |= {len(seal_answer(new_reply_key(), bytes(size))) for size in (0, 200, 1_000, 2_000)}
    assert sizes == {RENDEZVOUS_STEPS[0]}


def test_what_was_sealed_for_another_purpose_is_no_request() -> None:
    with pytest.raises(SealError):
        open_request(OPENER, seal(PUBLIC, b"hello", TOKEN + new_reply_key() + b"{}"))


def test_what_is_sealed_and_too_short_is_a_message_error() -> None:
    with pytest.raises(MessageError, match="too short"):
        open_request(OPENER, seal(PUBLIC, b"rendezvous", TOKEN))


def test_an_answer_is_none_for_another_request() -> None:
    with pytest.raises(SealError):
        open_answer(new_reply_key(), seal_answer(new_reply_key(), b"{}"))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    assert isinstance(attempt(lambda: open_request(OPENER, body), SealError), SealError)
    assert isinstance(attempt(lambda: open_answer(bytes(32), body), SealError), SealError)
