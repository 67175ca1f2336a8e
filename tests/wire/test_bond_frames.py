import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire import bond_frames as frames
from freespan.wire.bond_frames import FAREWELL_MAX, SEALED_MAX, Frames, Hello, Join, Refused, decode, encode, opening_of
from freespan.wire.errors import MessageError, VersionError
from freespan.wire.limits import BOND_LINKS_MAX, DATAGRAM_SIZE, MESSAGE_MAX

SEAL = 17
"""Kind and tag of a sealed message."""

links = st.integers(0, frames.LINK_NUMBER_MAX)
counts = st.tuples(links, st.integers(0, frames.COUNT_MAX))
with_data = st.tuples(st.integers(0, frames.COUNT_MAX), st.binary(min_size=1, max_size=200))


@st.composite
def any_frames(draw: st.DrawFn) -> Frames:
    number, packet = draw(st.just((-1, b"")) | with_data)
    bye, farewell = draw(st.just((False, b"")) | st.tuples(st.just(True), st.binary(max_size=FAREWELL_MAX)))
    return Frames(
        tuple(draw(st.lists(counts, max_size=BOND_LINKS_MAX))),
        tuple(draw(st.lists(counts, max_size=4))),
        draw(st.booleans()),
        bye,
        number,
        packet,
        farewell,
    )


@given(any_frames())
def test_what_is_encoded_is_decoded(said: Frames) -> None:
    body = encode(said)
    if said == Frames():
        assert body == b""
    else:
        assert decode(body) == said


@given(st.binary(max_size=80) | any_frames().map(encode))
def test_any_bytes_are_frames_or_an_error(body: bytes) -> None:
    try:
        said = decode(body)
    except MessageError:
        return
    assert encode(said) == body


@given(any_frames(), st.data())
def test_a_cut_message_is_never_taken_for_a_whole_one(said: Frames, data: st.DataObject) -> None:
    body = encode(said)
    cut = body[: data.draw(st.integers(0, max(0, len(body) - 1)))]
    try:
        assert decode(cut) != said or cut == body
    except MessageError:
        pass


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"\x06",
        b"\x01\x00",  # an acknowledgement of nothing
        b"\x01\x01" + bytes(11),
        bytes((1, BOND_LINKS_MAX + 1)) + bytes(12 * (BOND_LINKS_MAX + 1)),
        b"\x02" + bytes(11),
        b"\x03\x03",
        b"\x04",
        b"\x04\x01",
        bytes((4, FAREWELL_MAX + 1)) + bytes(FAREWELL_MAX + 1),
        b"\x04\x00\x03",  # not in order
        b"\x05" + bytes(7),
        b"\x05" + bytes(8),  # an empty packet
        b"\x05" + bytes(8 + DATAGRAM_SIZE + 1),
        encode(Frames(closed=((1, 2),) * 65)),
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError):
        decode(body)


def test_everything_at_once_fits_a_message() -> None:
    acks = ((frames.LINK_NUMBER_MAX, frames.COUNT_MAX),) * BOND_LINKS_MAX
    body = encode(Frames(acks, (), True, True, frames.COUNT_MAX, bytes(DATAGRAM_SIZE), bytes(FAREWELL_MAX)))
    assert len(body) + SEAL <= MESSAGE_MAX
    assert len(encode(Frames(acks, acks + acks, True, True, farewell=bytes(FAREWELL_MAX)))) + SEAL <= MESSAGE_MAX


# --- first messages ------------------------------------------------------------------------------
def test_a_first_message_begins_or_joins() -> None:
    join = Join(bytes(range(16)), 7)
    assert opening_of(frames.hello_head() + b"\x03") == Hello(b"", b"\x03")
    assert opening_of(frames.hello_head(b"sealed") + b"\x03") == Hello(b"sealed", b"\x03")
    assert opening_of(frames.join_head(join) + b"sealed") == join


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b"\x02\x02",
        b"\x03\x02",
        b"\x04\x02" + bytes(19),
        b"\xc3\x00\x00",
        frames.hello_head()[:3],
        frames.hello_head(b"sealed")[:-1],
        frames.hello_head(bytes(SEALED_MAX + 1)) + b"\x03",
    ],
)
def test_other_first_messages_do_neither(message: bytes) -> None:
    with pytest.raises(MessageError):
        opening_of(message)


@pytest.mark.parametrize("head", [frames.hello_head(), frames.join_head(Join(bytes(16), 1))])
def test_another_version_is_told_apart(head: bytes) -> None:
    with pytest.raises(VersionError):
        opening_of(head[:1] + b"\x01" + head[2:])


@given(st.binary(max_size=40))
def test_any_first_message_is_one_or_an_error(message: bytes) -> None:
    try:
        opening = opening_of(message)
    except MessageError:
        return
    if isinstance(opening, Join):
        assert message.startswith(frames.join_head(opening))
    else:
        assert message == frames.hello_head(opening.sealed) + opening.frames


@given(st.integers(0, 255), st.binary(max_size=SEALED_MAX))
def test_a_refusal_is_decoded(reason: int, proof: bytes) -> None:
    refused = Refused(reason, proof)
    assert frames.decode_refused(frames.encode_refused(refused)) == refused


@given(st.binary(max_size=40))
def test_any_refusal_is_one_or_an_error(message: bytes) -> None:
    try:
        refused = frames.decode_refused(message)
    except MessageError:
        return
    assert frames.encode_refused(refused) == message
