import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.http1 import HttpParser, HttpRequest, response
from freespan.client.local_proxy.request import PROXY_HEAD_MAX, RequestError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.client.local_proxy.splits import cut, feed, places


def ask(text: str | bytes) -> HttpRequest:
    data = text.encode("latin-1") if isinstance(text, str) else text
    found = HttpParser().receive_data(data)
    assert found is not None
    return found


def refused(text: str | bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        ask(text)
    return caught.value


def status_of(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


# --- CONNECT -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("example.org:443", Target("example.org", 443)),
        ("192.0.2.1:80", Target("192.0.2.1", 80)),
        ("[2001:db8::1]:443", Target("2001:db8::1", 443)),
    ],
)
def test_connect(uri: str, target: Target) -> None:
    found = ask(f"CONNECT {uri} HTTP/1.1\r\nHost: whatever\r\n\r\n")
    assert found.target == target
    assert found.first_bytes == b""
    assert found.accepted == b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_connect_by_an_old_or_terse_program() -> None:
    assert ask("CONNECT example.org:443 HTTP/1.0\n\n").target == Target("example.org", 443)


def test_what_comes_behind_connect_goes_to_the_site() -> None:
    assert ask("CONNECT example.org:443 HTTP/1.1\r\n\r\n\x16\x03\x01\r\n\r\n").first_bytes == b"\x16\x03\x01\r\n\r\n"


@pytest.mark.parametrize("uri", ["example.org", "example.org:0", "http://example.org/", "/", "*", "a:b:1", "user@a:80"])
def test_connect_to_no_target(uri: str) -> None:
    assert status_of(refused(f"CONNECT {uri} HTTP/1.1\r\n\r\n").reply) == 400


# --- absolute-form -----------------------------------------------------------------------------
def test_an_absolute_request_is_sent_on_in_origin_form() -> None:
    found = ask("GET http://example.org/a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n")
    assert found.target == Target("example.org", 80)
    assert found.accepted == b""
    assert found.first_bytes == (
        b"GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("uri", "target", "path", "host"),
    [
        ("http://example.org", Target("example.org", 80), "/", "example.org"),
        ("http://example.org:8080/", Target("example.org", 8080), "/", "example.org:8080"),
        ("HTTP://EXAMPLE.org/x", Target("example.org", 80), "/x", "EXAMPLE.org"),
        ("http://example.org?q", Target("example.org", 80), "/?q", "example.org"),
        ("http://example.org/x#part", Target("example.org", 80), "/x", "example.org"),
        ("http://example.org/a;b=1//c", Target("example.org", 80), "/a;b=1//c", "example.org"),
        ("http://user:word@example.org/x", Target("example.org", 80), "/x", "example.org"),
        ("http://[2001:db8::1]:81/x", Target("2001:db8::1", 81), "/x", "[2001:db8::1]:81"),
    ],
)
def test_absolute_targets(uri: str, target: Target, path: str, host: str) -> None:
    found = ask(f"GET {uri} HTTP/1.1\r\n\r\n")
    assert found.target == target
    assert found.first_bytes == f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def test_the_host_of_the_target_counts_and_not_the_header() -> None:
    """RFC 9112 section 3.2.2."""
    found = ask("GET http://example.org/ HTTP/1.1\r\nHost: other.example\r\nHOST: third.example\r\n\r\n")
    assert found.first_bytes == b"GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n"


def test_a_body_is_kept_as_it_came() -> None:
    body = b"\r\n\r\nPOST / \x00\xff"
    head = f"POST http://example.org/ HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    first = ask(head + body).first_bytes
    assert first.endswith(b"Connection: close\r\n\r\n" + body)
    assert f"Content-Length: {len(body)}".encode() in first


def test_what_is_meant_for_the_proxy_stays_here() -> None:
    headers = [
        "Connection: keep-alive, X-Private , te",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic c2VjcmV0",
        "Keep-Alive: 300",
        "TE: trailers",
        "Upgrade: h2c",
        "x-private: 1",
        "X-Kept: 2",
    ]
    first = ask("\r\n".join(["GET http://example.org/ HTTP/1.1", *headers, "\r\n"])).first_bytes
    assert first == b"GET / HTTP/1.1\r\nHost: example.org\r\nX-Kept: 2\r\nConnection: close\r\n\r\n"


def test_the_connection_header_cannot_take_away_where_the_body_ends() -> None:
    first = ask(
        "POST http://example.org/ HTTP/1.1\r\nConnection: content-length, transfer-encoding, host\r\n"
        "Content-Length: 2\r\n\r\nab"
    ).first_bytes
    assert b"Content-Length: 2\r\n" in first
    assert b"Host: example.org\r\n" in first


def test_what_comes_behind_the_request_does_not_pass() -> None:
    """It is for whichever site the program's next request names."""
    following = b"GET http://bank.example/account HTTP/1.1\r\nCookie: secret\r\n\r\n"
    found = ask(b"GET http://example.org/ HTTP/1.1\r\n\r\n" + following)
    assert found.first_bytes.endswith(b"Connection: close\r\n\r\n")
    found = ask(b"POST http://example.org/ HTTP/1.1\r\nContent-Length: 6\r\n\r\nabcd")
    assert found.first_bytes.endswith(b"\r\n\r\nabcd")
    assert found.body is not None
    assert found.body.take(b"ef" + following) == b"ef"
    assert found.body.take(following) == b""


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: 1\r\nContent-Length: 2", 400),
        ("Content-Length: 1, 1", 400),
        ("Content-Length: +1", 400),
        ("Content-Length:", 400),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: chunked\r\n\r\nno size\r\n", 400),
    ],
)
def test_a_body_whose_end_is_in_doubt(headers: str, status: int) -> None:
    assert status_of(refused(f"POST http://example.org/ HTTP/1.1\r\n{headers}\r\n\r\n").reply) == status


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("https://example.org/", "CONNECT"),
        ("ftp://example.org/", "http://host/path"),
        ("http:///x", "http://host/path"),
        ("http://[::1/", "not a URL"),
        ("http://example.org:0/", "port"),
        ("http://exa%20mple.org/", "target"),
        ("http://" + "a" * 400 + ".example/", "too long"),
        ("http://example.org/\x00", "not allowed in a URL"),
        ("http://example.org/\t", "not allowed in a URL"),
        ("http://example.org/\xe4", "not allowed in a URL"),
    ],
)
def test_targets_that_are_none(uri: str, word: str) -> None:
    error = refused(f"GET {uri} HTTP/1.1\r\n\r\n")
    assert status_of(error.reply) == 400
    assert word in str(error)


# --- nonsense ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "head",
    [
        "GET http://example.org/",
        "GET http://example.org/ HTTP/1.1 ",
        "GET http://example.org/ HTTP/2.0",
        "GET http://example.org/ http/1.1",
        "GET http://example.org/ HTTP/1.1\r\nno colon",
        "GET http://example.org/ HTTP/1.1\r\n: empty",
        "GET http://example.org/ HTTP/1.1\r\nX : space",
        "GET http://example.org/ HTTP/1.1\r\nX: y\r\n folded",
        "GET http://example.org/ HTTP/1.1\r\nX: a\rY: b",
        "GET http://example.org/ HTTP/1.1\r\nX: \x00",
    ],
)
def test_heads_that_are_none(head: str) -> None:
    assert status_of(refused(head + "\r\n\r\n").reply) == 400


TO_NO_PROXY = {
    "a page": b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8118\r\nSec-Fetch-Mode: no-cors\r\n\r\n",
    "only its first bytes": b"GET /",
    "a page's form": b"POST /x HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
    "a preflight": b"OPTIONS / HTTP/1.1\r\nAccess-Control-Request-Private-Network: true\r\n\r\n",
    "a WebSocket": b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    "asterisk-form": b"OPTIONS * HTTP/1.1\r\n\r\n",
    "authority-form without CONNECT": b"GET example.org:80 HTTP/1.1\r\n\r\n",
    "a URL in a path": b"GET /http://example.org/ HTTP/1.1\r\n\r\n",
    "no scheme": b"GET //example.org/ HTTP/1.1\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "TLS": b"\x16\x03\x01\x02\x00",
    "DTLS": b"\x16\xfe\xff",
    "TURN by TCP": b"\x00\x03\x00\x08\x21\x12\xa4\x42",
    "ICE by TCP": b"\x00\x6c\x00\x01\x00\x58\x21\x12\xa4\x42",
    "an empty line": b"\r\n",
    "a space": b" GET http://example.org/ HTTP/1.1\r\n\r\n",
    "two spaces": b"GET  http://example.org/ HTTP/1.1\r\n\r\n",
    "no target": b"GET\r\n\r\n",
    "a greeting": b"SSH-2.0-client\r\n\r\n",
    "a method that is none": b"G\x00T http://example.org/ HTTP/1.1\r\n\r\n",
    "a method without end": b"G" * 33,
    "other bytes": b"\xff",
}


@pytest.mark.parametrize("first", TO_NO_PROXY.values(), ids=TO_NO_PROXY.keys())
def test_what_is_to_no_proxy_is_refused_at_once_and_without_a_byte(first: bytes) -> None:
    """Browsers of pages that try ports wait for an answer, and whatever it is, it tells them that something runs."""
    assert refused(first).reply == b""


def test_a_head_that_is_to_no_proxy_gets_no_byte_however_long_it_is() -> None:
    assert refused(b"GET hello" + b"o" * PROXY_HEAD_MAX).reply == b""


def test_a_head_of_the_greatest_length() -> None:
    start, end = b"GET http://example.org/ HTTP/1.1\r\nContent-Length: 4\r\nX: ", b"\r\n\r\n"
    fitting = start + b"y" * (PROXY_HEAD_MAX - len(start) - len(end)) + end
    assert ask(fitting + b"body").first_bytes.endswith(b"body")
    too_long = fitting[: -len(end)] + b"y" + end
    assert status_of(refused(too_long).reply) == 431
    assert feed(HttpParser(), [too_long[:-1], b"\n"])[1] is not None


def test_a_head_without_end_is_not_kept() -> None:
    parser = HttpParser()
    start = b"GET http://example.org/"
    assert parser.receive_data(start + b"G" * (PROXY_HEAD_MAX - len(start))) is None
    with pytest.raises(RequestError, match="longer") as caught:
        parser.receive_data(b"G")
    assert status_of(caught.value.reply) == 431


# --- responses ---------------------------------------------------------------------------------
def test_a_refusal_is_a_whole_response() -> None:
    reply = ask("CONNECT example.org:443 HTTP/1.1\r\n\r\n").refused(ProxyStatus("dns_error"))
    head, _, body = reply.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 502 Bad Gateway"
    assert "Proxy-Status: freespan; error=dns_error" in lines
    assert f"Content-Length: {len(body)}" in lines
    problem = json.loads(body)
    assert problem["type"] == "urn:freespan:problem:dns_error"
    assert problem["detail"] == ProxyStatus("dns_error").sentence()


CHROMIUM = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36\r\n"
FIREFOX = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0\r\n"


@pytest.mark.parametrize("browser", [CHROMIUM, FIREFOX], ids=["Chromium", "Firefox"])
def test_a_page_gets_no_refusal_and_its_reader_does(browser: str) -> None:
    """To a script, any response is another thing than a connection that failed."""
    by_a_page = ask(f"GET http://nowhere.example/ HTTP/1.1\r\n{browser}Accept: image/webp,*/*\r\n\r\n")
    assert by_a_page.refused(ProxyStatus("dns_error")) == b""
    opened = ask(f"GET http://nowhere.example/ HTTP/1.1\r\n{browser}Upgrade-Insecure-Requests: 1\r\n\r\n")
    assert status_of(opened.refused(ProxyStatus("dns_error"))) == 502


def test_other_programs_read_why_they_are_refused() -> None:
    found = ask("GET http://nowhere.example/ HTTP/1.1\r\nUser-Agent: curl/8.5.0\r\n\r\n")
    assert status_of(found.refused(ProxyStatus("dns_error"))) == 502


# --- user name and password ----------------------------------------------------------------------
ASKED_FOR = Credentials("reader", "s:e-cret")
_GOOD = base64.b64encode(b"reader:s:e-cret").decode()


@pytest.mark.parametrize("line", ["CONNECT example.org:443 HTTP/1.1", "GET http://example.org/ HTTP/1.1"])
@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        (f"Proxy-Authorization: Basic {_GOOD}", True),
        (f"proxy-authorization:  BASIC   {_GOOD} ", True),
        ("", False),
        ("Proxy-Authorization: Basic", False),
        ("Proxy-Authorization: Basic !", False),
        ("Proxy-Authorization: Basic cmVhZGVy", False),
        (f"Proxy-Authorization: Bearer {_GOOD}", False),
        (f"Authorization: Basic {_GOOD}", False),
        (f"Proxy-Authorization: Basic {base64.b64encode(b'reader:s:e-creT').decode()}", False),
        (f"Proxy-Authorization: Basic {base64.b64encode(b'reader:').decode()}", False),
        (f"Proxy-Authorization: Basic {base64.b64encode(b':s:e-cret').decode()}", False),
        (f"Proxy-Authorization: Basic {base64.b64encode(b'readers:e-cret').decode()}", False),
        (f"Proxy-Authorization: Basic {_GOOD}\r\nProxy-Authorization: Basic {_GOOD}", False),
    ],
)
def test_a_proxy_that_asks_for_a_password(line: str, headers: str, is_let_in: bool) -> None:
    parser = HttpParser(ASKED_FOR)
    request = f"{line}\r\n{headers}\r\n\r\n" if headers else f"{line}\r\n\r\n"
    if is_let_in:
        found = parser.receive_data(request.encode())
        assert found is not None
        assert _GOOD.encode() not in found.first_bytes
        return
    with pytest.raises(RequestError) as caught:
        parser.receive_data(request.encode())
    assert status_of(caught.value.reply) == 407
    assert b"\r\nProxy-Authenticate: Basic realm=" in caught.value.reply
    assert b"cret" not in caught.value.reply


@pytest.mark.parametrize("first", TO_NO_PROXY.values(), ids=TO_NO_PROXY.keys())
def test_a_password_is_asked_of_nobody_who_does_not_ask_a_proxy(first: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        HttpParser(ASKED_FOR).receive_data(first)
    assert caught.value.reply == b""


def test_a_status_without_a_name_of_its_own() -> None:
    reply = response(418, "teapot", "short and stout")
    assert reply.startswith(b"HTTP/1.1 418 Error\r\n")
    assert b"Proxy-Status" not in reply


# --- any bytes, any split ------------------------------------------------------------------------
pieces = st.sampled_from(
    [
        *(b"GET ", b"CONNECT ", b"http://example.org", b"/x", b"a.example:443", b" HTTP/1.1", b"Host: h", b"x: y"),
        *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b":", b" ", b"\x00", b"\xff", b"Connection: x", b"body"),
    ]
)
good = st.builds(
    lambda line, headers, body: b"\r\n".join([line, *headers, b"", body]),
    st.sampled_from([b"GET http://example.org/x HTTP/1.1", b"CONNECT example.org:443 HTTP/1.1"]),
    st.lists(st.sampled_from([b"Host: h", b"Connection: a", b"A: b"]), max_size=3),
    st.binary(max_size=20),
)


@given(st.lists(pieces, max_size=12).map(b"".join) | st.binary(max_size=80) | good, places)
@example(b"GET http://a.example/ HTTP/1.1\r\n\r\n\r\nbody", [33, 34, 35])
def test_any_bytes_in_any_split_come_to_the_same_end(data: bytes, at: list[int]) -> None:
    whole = feed(HttpParser(), [data])
    assert feed(HttpParser(), cut(data, at)) == whole
    assert feed(HttpParser(), [bytes((byte,)) for byte in data]) == whole
    assert whole[2] == b""


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n\r\n", b":"]), max_size=8).map(b"".join),
    st.integers(-4, 4),
    places,
)
def test_the_bound_is_the_same_in_any_split(tail: bytes, over: int, at: list[int]) -> None:
    head = b"GET http://example.org/ HTTP/1.1\r\nX: "
    data = head + b"y" * (PROXY_HEAD_MAX - len(head) - len(tail) + over) + tail
    near_the_end = [len(data) - place % 12 for place in at]
    assert feed(HttpParser(), cut(data, near_the_end)) == feed(HttpParser(), [data])
