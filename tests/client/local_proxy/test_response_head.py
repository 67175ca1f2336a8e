import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.local_proxy.request import PROXY_HEAD_MAX
from freespan.client.local_proxy.response_head import ResponseHead
from freespan.wire.errors import StreamError
from tests.client.local_proxy.splits import cut, places


def answer(pieces: list[bytes]) -> bytes | str:
    """What the program gets, or the error."""
    head = ResponseHead()
    try:
        passed = b"".join([head.receive_data(piece) for piece in pieces])
        head.receive_end()
    except StreamError as error:
        return error.status.error
    return passed


def test_the_connection_ends_with_the_response_whatever_the_site_says() -> None:
    sent = (
        b"HTTP/1.1 200 OK\r\nServer: x\r\nConnection: keep-alive, X-Hop, content-length\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Connection: keep-alive\r\nX-Hop: 1\r\nContent-Length: 4\r\n\r\nbody"
    )
    assert answer([sent]) == (b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")


def test_interim_responses_come_before_the_final_one() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    head = ResponseHead()
    assert head.receive_data(interim) == interim
    assert head.receive_data(b"HTTP/1.1 204 No Content\r\n\r\n").endswith(b"\r\nConnection: close\r\n\r\n")


@pytest.mark.parametrize(
    "field",
    [
        b"Proxy-Status: freespan; error=dns_error",
        b"PROXY-STATUS: freespan; error=dns_error",
        b"proxy-status : cdn.example; error=dns_error, freespan; error=dns_error",
        b'Proxy-Status: cdn.example;\r\n details="x",\r\n\tfreespan; error=dns_error',
        b'Proxy-Status: "freespan"; error=dns_error\r\nProxy-Status: a',
        b'Proxy-Status: a; x=", freespan; error=dns_error',
        b"Proxy-Status:",
    ],
)
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\n@\r\n\r\n"], ids=["", "interim"])
def test_a_site_never_speaks_as_this_proxy(field: bytes, interim: bytes) -> None:
    """However it writes the field, and in whichever head."""
    sent = interim.replace(b"@", field) + b"HTTP/1.1 403 No\r\nA: b\r\n" + field + b"\r\nC: d\r\n\r\nbody"
    passed = answer([sent])
    assert isinstance(passed, bytes)
    assert passed.endswith(b"HTTP/1.1 403 No\r\nA: b\r\nC: d\r\nConnection: close\r\n\r\nbody")
    assert b"proxy-status" not in passed.lower()
    assert b"freespan" not in passed


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        (b"HTTP/1.0 200\nA: b\n\n", b"HTTP/1.0 200\r\nA: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b c\r\n"),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n"),
        (b"HTTP/1.1 404 \xe4\r\nA: \xff\r\n\r\n", b"HTTP/1.1 404 \xe4\r\nA: \xff\r\n"),
    ],
)
def test_old_and_odd_ways_to_write_a_head(sent: bytes, passed: bytes) -> None:
    assert answer([sent]) == passed + b"Connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", "http_response_incomplete"),
        (b"HTTP/1.1 200 OK\r\n", "http_response_incomplete"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "http_response_incomplete"),
        (b"SSH-2.0-x\r\n\r\n", "http_protocol_error"),
        (b"HTTP/2 200\r\n\r\n", "http_protocol_error"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "http_protocol_error"),
        (b"HTTP/1.1 099 x\r\n\r\n", "http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nA: b\rConnection: keep-alive\r\n\r\n", "http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * PROXY_HEAD_MAX, "http_response_header_section_size"),
    ],
)
def test_answers_that_are_none(sent: bytes, error: str) -> None:
    assert answer([sent]) == error


pieces = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK", b"HTTP/1.1 100 x", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"A: b", b" c", b":", b"\x00"),
        *(b"Connection: a", b"Connection: keep-alive", b"body"),
    ]
)


@given(st.lists(pieces, max_size=14).map(b"".join) | st.binary(max_size=60), places)
def test_any_bytes_in_any_split_come_to_the_same_end(data: bytes, at: list[int]) -> None:
    assert answer(cut(data, at)) == answer([data])
