import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.local_proxy.request_body import BodyError, ChunkedBody, RequestBody, SizedBody
from tests.client.local_proxy.splits import cut, places

CHUNKED = b"5;a=b\r\nhello\r\n1 \r\n!\r\n000\r\nTrailer: x\r\n\r\n"


def take(body: RequestBody, pieces: list[bytes]) -> bytes | str:
    """All that passes, or the reason why not."""
    try:
        return b"".join([body.take(piece) for piece in pieces])
    except BodyError as error:
        return str(error)


@given(st.binary(max_size=60), st.integers(0, 80), places)
def test_as_much_as_was_announced(data: bytes, length: int, at: list[int]) -> None:
    assert take(SizedBody(length), cut(data, at)) == data[:length]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5), st.binary(max_size=40), places)
def test_chunks_to_their_end_in_any_split(chunks: list[bytes], behind: bytes, at: list[int]) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert take(ChunkedBody(), cut(body + behind, at)) == body


@given(st.binary(max_size=40), places)
def test_extensions_and_trailers(behind: bytes, at: list[int]) -> None:
    assert take(ChunkedBody(), cut(CHUNKED + behind, at)) == CHUNKED


@given(st.lists(st.sampled_from([b"5", b"\r\n", b"hello", b"0", b"\n", b"a: b", b";", b"\r"]), max_size=12), places)
def test_any_bytes_in_any_split_come_to_the_same_end(parts: list[bytes], at: list[int]) -> None:
    data = b"".join(parts)
    assert take(ChunkedBody(), cut(data, at)) == take(ChunkedBody(), [data])


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\n",
        b"5\nhello\r\n",
        b"5\r\nhello!\r\n",
        b"5\r\nhello\n0\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\na: b\n\r\n",
        b"1;" + b"x" * 20_000,
        b"0\r\n" + b"a: b\r\n" * 5_000,
        b"f" * 16 + b"\r\n",
    ],
)
def test_chunks_that_are_none(data: bytes) -> None:
    assert "malformed" in str(take(ChunkedBody(), [data]))
