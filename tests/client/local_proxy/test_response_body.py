import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.local_proxy.response_body import BodyError, ChunkedBody, EndlessBody, ResponseBody, SizedBody
from tests.client.local_proxy.splits import cut, places


def read(body: ResponseBody, pieces: list[bytes]) -> tuple[bytes, bool, bytes]:
    """The content, whether it is whole, and what came after it."""
    content = excess = b""
    for number, piece in enumerate(pieces):
        try:
            content += body.receive(piece)
        except BodyError as error:
            return content + error.before, False, b"broken"
        if body.is_complete:
            excess = body.excess + b"".join(pieces[number + 1 :])
            break
    return content, body.is_complete, excess


@given(st.binary(max_size=60), st.integers(0, 80), places)
def test_as_much_as_was_announced(data: bytes, length: int, at: list[int]) -> None:
    body = SizedBody(length)
    assert body.is_complete == (length == 0)
    if length:
        assert read(body, cut(data, at)) == (data[:length], len(data) >= length, data[length:])


def test_everything() -> None:
    assert read(EndlessBody(), [b"a", b"b"]) == (b"ab", False, b"")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.binary(max_size=40), st.booleans(), places)
def test_chunks_to_their_end_in_any_split(chunks: list[bytes], behind: bytes, bare: bool, at: list[int]) -> None:
    end = b"\n" if bare else b"\r\n"
    sent = b"".join(b"%x;a=b%s%s%s" % (len(chunk), end, chunk, end) for chunk in chunks) + b"000" + end
    body = ChunkedBody()
    assert read(body, cut(sent + b"A: b" + end + b"bad" + end + end + behind, at)) == (b"".join(chunks), True, behind)
    assert body.trailers == [(b"A", b"b")]


words = st.sampled_from([b"5", b"\r\n", b"hello", b"0", b"\n", b"a: b", b";", b"\r", b" ", b"f" * 15])


@given(st.lists(words, max_size=12).map(b"".join) | st.binary(max_size=40), places)
def test_any_bytes_in_any_split_come_to_the_same_end(data: bytes, at: list[int]) -> None:
    assert read(ChunkedBody(), cut(data, at)) == read(ChunkedBody(), [data])


@given(st.lists(words, max_size=12).map(b"".join))
def test_what_the_library_takes_is_taken_for_the_same(data: bytes) -> None:
    library = h11.Connection(h11.CLIENT)
    library.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    library.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    content = b""
    try:
        library.next_event()
        while not isinstance(event := library.next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return
            content += event.data
    except h11.RemoteProtocolError:
        return
    assert read(ChunkedBody(), [data]) == (content, True, library.trailing_data[0])


@pytest.mark.parametrize(
    "data",
    [
        *(b"\r\n", b"x\r\n", b"-1\r\n", b"0x1\r\n", b" 1\r\n", b"5\r\nhello!\r\n", b"1;" + b"x" * 20_000),
        *(b"0\r\n" + b"a: b\r\n" * 5_000, b"f" * 16 + b"\r\n", b"5\r\r\n"),
    ],
)
def test_chunks_that_are_none(data: bytes) -> None:
    assert read(ChunkedBody(), [data])[2] == b"broken"
