"""Denials: what a host tells a client whom it does not admit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.admission import ADMISSION_CODES, INVITE_QUOTA
from freespan.wire.bond_frames import FAREWELL_MAX
from freespan.wire.denial import DENIAL_SIZE, HOST_FULL, Denial, decode_denial, encode_denial
from freespan.wire.errors import MessageError, NotAdmittedError
from freespan.wire.hello import ShownInvite, decode_shown, encode_shown

denials = st.builds(
    Denial,
    st.sampled_from([*ADMISSION_CODES, HOST_FULL, "x" * 32]),
    st.integers(0, 2**63 - 1),
    st.just("") | st.dates().map(str),
)


@given(denials)
def test_a_denial_is_decoded_and_its_size_tells_nothing(denial: Denial) -> None:
    data = encode_denial(denial)
    assert len(data) == DENIAL_SIZE <= FAREWELL_MAX
    assert decode_denial(data) == denial


@given(st.binary(max_size=80) | st.binary(min_size=DENIAL_SIZE, max_size=DENIAL_SIZE))
def test_any_bytes_are_a_denial_or_an_error(data: bytes) -> None:
    try:
        denial = decode_denial(data)
    except MessageError:
        return
    assert decode_denial(encode_denial(denial)) == denial


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(DENIAL_SIZE),
        encode_denial(Denial(HOST_FULL))[:-1],
        encode_denial(Denial(HOST_FULL))[:-1] + b"x",
        b"\xff" + bytes(DENIAL_SIZE - 1),
        encode_denial(Denial(HOST_FULL)).replace(b"host_full", b"HOST\nFULL"),
    ],
)
def test_what_is_no_denial_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        decode_denial(data)


def test_a_person_reads_the_same_of_a_denial_as_of_the_error_at_the_host() -> None:
    error = NotAdmittedError(INVITE_QUOTA, 20 * 10**9, "2026-12-01")
    told = decode_denial(encode_denial(Denial.of(error))).error
    assert str(told) == str(error) == ("this invite has used up its 20 GB of this month: it works again on 1 December")
    assert (told.code, told.amount, told.again) == (error.code, error.amount, error.again)


def test_what_is_shown_in_a_hello_is_decoded_and_nothing_else_is() -> None:
    shown = ShownInvite(b"t" * 24, b"k" * 32)
    assert decode_shown(encode_shown(shown)) == shown
    for data in (b"", encode_shown(shown)[:-1], encode_shown(shown) + b"x"):
        with pytest.raises(MessageError):
            decode_shown(data)
