"""What browsers forgive a site; what each of them does was tried in Chromium and with curl."""

import re

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.local_proxy.repair import FIELDS_MAX, RepairError, is_like_a_response, repaired_response

OK = b"HTTP/1.1 200 OK"


def repaired(*lines: bytes) -> list[bytes]:
    """The lines of the mended head."""
    head = repaired_response(b"\r\n".join([*lines, b"", b""])).encode()
    assert head.endswith(b"\r\n\r\n")
    return head.removesuffix(b"\r\n\r\n").split(b"\r\n")


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.0 404 Not Found", b"HTTP/1.0 404 Not Found"),
        (b"ICY 200 OK", b"HTTP/1.0 200 OK"),
        (b"icy 404 gone", b"HTTP/1.0 404 gone"),
        (b"http/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"Http/1.0 301 x", b"HTTP/1.0 301 x"),
        (b"HTTP/1.1  200  OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.1\t200\tOK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.1 200", b"HTTP/1.1 200 "),
        (b"HTTP/1.1 200 ", b"HTTP/1.1 200 "),
        (b"HTTP/1.1 200OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.1", b"HTTP/1.1 200 "),
        (b"HTTP/1.1 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.2 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/2.0 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/2 204", b"HTTP/1.0 204 "),
        (b"HTTP/0.9 200 OK", b"HTTP/1.0 200 OK"),
        (b"HTTP 200 OK", b"HTTP/1.0 200 OK"),
        (b"HTTP / 1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTPS/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"\xef\xbb\xbfHTTP/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"  HTTP/1.1 200 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.1 999 \xe4\x01\x00x", b"HTTP/1.1 999 \xe4\x01 x"),
        (b"HTTP/1.1 0404 x", b"HTTP/1.1 404 x"),
        (b"HTTP/1.1 20 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.1 2000 OK", b"HTTP/1.1 200 OK"),
        (b"HTTP/1.1 099 x", b"HTTP/1.1 200 x"),
        (b"HTTP/1.1 2e2 x", b"HTTP/1.1 200 e2 x"),
        (b"HTTP/1.1 -1 x", b"HTTP/1.1 200 -1 x"),
        (b"HTTP/1.1\xa0404 x", b"HTTP/1.1 200 x"),
        (b"HTTP1.1 404 x", b"HTTP/1.0 404 x"),
        (b"HTTP/1.x 404 x", b"HTTP/1.0 404 x"),
        (b"HTTP/1,1 404 x", b"HTTP/1.0 404 x"),
        (b"HTTP//1.1 404 x", b"HTTP/1.0 404 x"),
        (b"ICY/1.0 404 x", b"HTTP/1.0 404 x"),
        (b"HTTPd", b"HTTP/1.0 200 "),
    ],
)
def test_status_lines(line: bytes, mended: bytes) -> None:
    assert repaired(line) == [mended]


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"SSH-2.0-x", b"hello HTTP/1.1 200 OK", b"ICYCLE 200", b"RTSP/1.0 200 OK", b"HTT 200", b"220 mail"),
    ],
)
def test_lines_that_are_no_status(line: bytes) -> None:
    with pytest.raises(RepairError):
        repaired(line)


@pytest.mark.parametrize(
    ("lines", "mended"),
    [
        ([b"Set-Cookie: a=\x01b"], [b"Set-Cookie: a=\x01b"]),
        ([b"X: \x1b[0m\x7f\x02"], [b"X: \x1b[0m\x7f\x02"]),
        ([b"X: a\x00b\x0bc\x0cd\re"], [b"X: a b c d e"]),
        (["X: é日本".encode()], ["X: é日本".encode()]),
        ([b"X Y: b", b"A: b"], [b"A: b"]),
        (["Ключ: x".encode(), b"A: b"], [b"A: b"]),
        ([b"X(y): b", b"A: b"], [b"A: b"]),
        ([b"<b>Warning</b>:  in x.php on line 3<br />", b"A: b"], [b"A: b"]),
        ([b"Warning in x.php on line 3", b"A: b"], [b"A: b"]),
        ([b": empty", b"A: b"], [b"A: b"]),
        ([b"\x01: x", b"A: b"], [b"A: b"]),
        ([b"A : b"], [b"A: b"]),
        ([b"A\t: b"], [b"A: b"]),
        ([b"A:b"], [b"A: b"]),
        ([b"A:"], [b"A: "]),
        ([b"A: b", b" c", b"\td"], [b"A: b c d"]),
        ([b"A:", b" c"], [b"A: c"]),
        ([b" leading: x", b"A: b"], [b"A: b"]),
        ([b"no colon", b" folded: x", b"A: b"], [b"A: b"]),
        ([b"A: b", b" ", b"\t \r"], [b"A: b"]),
        ([b"A: b\r", b"B: c\r\r"], [b"A: b", b"B: c"]),
        ([b"A: b", b"a: c"], [b"A: b", b"a: c"]),
        ([b"X: Content-Length: 5"], [b"X: Content-Length: 5"]),
        ([b"X-Content-Length\x01: 5", b"A: b"], [b"A: b"]),
    ],
)
def test_bad_lines_are_dropped_and_bad_bytes_mended(lines: list[bytes], mended: list[bytes]) -> None:
    assert repaired(OK, *lines, b"Content-Length: 3") == [OK, *mended, b"Content-Length: 3"]


@pytest.mark.parametrize(
    ("lines", "mended"),
    [
        ([b"Content-Length: 3", b"content-length: 3"], [b"Content-Length: 3"]),
        ([b"Content-Length: 3, 3"], [b"Content-Length: 3"]),
        ([b"Content-Length: 003", b"Content-Length: 3"], [b"Content-Length: 3"]),
        ([b"Content-Length: 0"], [b"Content-Length: 0"]),
        ([b"Content-Length: " + b"0" * 5_000 + b"7"], [b"Content-Length: 7"]),
        ([b"Content-Length: 3", b" \t"], [b"Content-Length: 3"]),
        ([b"Content-Length : 3"], [b"Content-Length: 3"]),
        ([b"Transfer-Encoding: Chunked"], [b"Transfer-Encoding: Chunked"]),
        ([b"Transfer-Encoding: identity"], []),
    ],
)
def test_where_the_body_ends_may_be_said_in_odd_ways(lines: list[bytes], mended: list[bytes]) -> None:
    assert repaired(OK, *lines) == [OK, *mended]


CHUNKED = b"Transfer-Encoding: chunked"
AMBIGUOUS = {
    "both": [b"Content-Length: 3", CHUNKED],
    "both, the other way round": [CHUNKED, b"X: y", b"content-length: 3"],
    "both, with no coding": [b"Content-Length: 3", b"Transfer-Encoding: identity"],
    "both, with an empty coding": [b"Content-Length: 3", b"Transfer-Encoding:"],
    "two lengths": [b"Content-Length: 3", b"Content-Length: 4"],
    "two lengths in one line": [b"Content-Length: 3, 4"],
    "a length too often": [b"Content-Length: 3" + b", 3" * 20],
    "a length and none": [b"Content-Length: 3,"],
    "a negative length": [b"Content-Length: -1"],
    "a signed length": [b"Content-Length: +3"],
    "a length in another base": [b"Content-Length: 0x3"],
    "a length that is none": [b"Content-Length: three"],
    "an empty length": [b"Content-Length:"],
    "a length with words": [b"Content-Length: 3 bytes"],
    "a length beyond any": [b"Content-Length: " + b"9" * 19],
    "digits of another script": ["Content-Length: ٣".encode()],
    "a folded length": [b"Content-Length:", b" 3"],
    "a length and a fold": [b"Content-Length: 3", b" 4"],
    "a fold behind a blank one": [b"Content-Length: 3", b" ", b" 4"],
    "a folded coding": [b"Transfer-Encoding:", b"\tchunked"],
    "a length in a fold": [b"X: y", b" Content-Length: 3"],
    "a coding in a fold": [b"X: y", b"\ttransfer-encoding : chunked"],
    "a length in a leading fold": [b" Content-Length: 3"],
    "a length with a control byte": [b"Content-Length: 3\x01"],
    "a coding with a control byte": [b"Transfer-Encoding: \x0bchunked"],
    "a length behind a bare CR": [b"X: y\rContent-Length: 3"],
    "a coding behind a bare CR": [b"X: y\rz\r Transfer-Encoding: chunked"],
    "a name with NUL": [b"Content-Length\x00: 3"],
    "a name with NUL inside": [b"Content-\x00Length: 3"],
    "a name with a no-break space": [b"Content-Length\xa0: 3"],
    "a name in quotation marks": [b'"Content-Length": 3'],
    "a name with blanks inside": [b"Content -Length: 3"],
    "a name behind a control byte": [b"\x0bTransfer-Encoding: chunked"],
    "two codings": [CHUNKED, CHUNKED],
    "two codings in one line": [b"Transfer-Encoding: chunked, chunked"],
    "chunks inside of chunks": [b"Transfer-Encoding: chunked, gzip, chunked"],
    "another coding behind the chunks": [b"Transfer-Encoding: chunked, gzip"],
    "no coding before the chunks": [b"Transfer-Encoding: , chunked"],
    "a coding beside a length": [b"Content-Length: 3", b"Transfer-Encoding: gzip"],
    "a coding in quotation marks": [b'Transfer-Encoding: "chunked"'],
    "a coding with a parameter": [b"Transfer-Encoding: chunked;x=y"],
    "an empty coding": [b"Transfer-Encoding:"],
}


@pytest.mark.parametrize("lines", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_where_the_body_ends_is_never_mended(lines: list[bytes]) -> None:
    with pytest.raises(RepairError):
        repaired(OK, *lines)


@pytest.mark.parametrize(
    ("value", "mended"),
    [
        (b"gzip, chunked", [OK, CHUNKED]),
        (b"GZIP ,deflate,Chunked", [OK, CHUNKED]),
        (b"gzip", [OK]),
        (b"xchunked", [OK]),
        (b"x-chunked", [OK]),
        (b"gzip, not.chunked", [OK]),
        (b"binary", [OK]),
        (b"x-new, br", [OK]),
    ],
)
def test_other_codings_are_told_apart(value: bytes, mended: list[bytes]) -> None:
    """The body has chunks, or goes on until the connection ends; its content is the program's affair."""
    head = repaired_response(OK + b"\r\nTransfer-Encoding: " + value + b"\r\n\r\n")
    assert (head.encode().split(b"\r\n")[:-2], head.codings) == (mended, value)


@pytest.mark.parametrize("line", [b"HTTP/1.0 200 OK", b"ICY 200 OK", b"HTTP/2 200 OK", b"HTTP 200"])
def test_chunks_came_with_1_1(line: bytes) -> None:
    """RFC 9112 section 6.1: in an earlier version their framing is faulty."""
    with pytest.raises(RepairError):
        repaired(line, CHUNKED)
    assert repaired(b"http/1.2 200 x", CHUNKED) == [b"HTTP/1.1 200 x", CHUNKED]


def test_more_lines_than_anybody_needs() -> None:
    assert len(repaired(OK, *[b"A: b"] * (FIELDS_MAX - 1))) == FIELDS_MAX
    with pytest.raises(RepairError):
        repaired(OK, *[b"A: b"] * FIELDS_MAX)


@pytest.mark.parametrize("first", [b"", b"H", b"HTTP/1.1", b"icy 200 ", b"\xef\xbb\xbfhttp", b"1234HTTP", b"1234567"])
def test_what_may_become_a_response(first: bytes) -> None:
    assert is_like_a_response(first)


@pytest.mark.parametrize("first", [b"SSH-2.0-", b"220 mail", b"12345HTT", b"<html>..", b"\x00" * 8])
def test_what_never_becomes_a_response_is_seen_at_once(first: bytes) -> None:
    assert not is_like_a_response(first)


lines = st.lists(
    st.sampled_from(
        [
            *(b"Content-Length: 3", b"Content-Length : 3", b"Transfer-Encoding: chunked", b"A: b", b" c", b"\td: e"),
            *(b"no colon", b": x", b"A\x00: b", b"X: \x01\r", b"Transfer-Encoding: identity", b"content-length:"),
        ]
    )
    | st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
    max_size=6,
)


@given(st.sampled_from([b"HTTP/1.1 200 OK", b"ICY 200", b"http/1.0  204", b"HTTP"]) | st.binary(max_size=20), lines)
def test_whatever_comes_the_library_takes_what_is_mended(status_line: bytes, fields: list[bytes]) -> None:
    """And nothing is said of the body that no line of the site has said by itself."""
    status_line = status_line.replace(b"\n", b"")
    try:
        head = repaired_response(b"\n".join([status_line, *fields, b"", b""])).encode()
    except RepairError:
        return
    library = h11.Connection(h11.CLIENT)
    library.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    library.receive_data(head)
    if not head.startswith((b"HTTP/1.1 1", b"HTTP/1.0 1")):
        event = library.next_event()
        assert isinstance(event, h11.Response)
        said = [name for name, _ in event.headers if name in (b"content-length", b"transfer-encoding")]
        assert len(said) <= 1
    for name in (b"content-length", b"transfer-encoding"):
        sent = [line for line in fields if re.match(rb"%s[ \t]*:" % name, line.strip(b"\r"), re.IGNORECASE)]
        assert head.lower().count(b"\r\n" + name + b":") <= len(sent)
