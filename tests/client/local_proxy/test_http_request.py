import base64
import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.http_request import ConnectRequest, ForwardedRequest, HttpParser
from freespan.client.local_proxy.refusal import response
from freespan.client.local_proxy.repair import FIELDS_MAX, HEAD_MAX
from freespan.client.local_proxy.request import RequestError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.client.local_proxy.splits import cut, places


def parsed(text: str | bytes) -> ConnectRequest | ForwardedRequest:
    data = text.encode("latin-1") if isinstance(text, str) else text
    found = HttpParser().receive_data(data)
    assert found is not None
    return found


def tunnel(text: str | bytes) -> ConnectRequest:
    found = parsed(text)
    assert isinstance(found, ConnectRequest)
    return found


def ask(text: str | bytes) -> ForwardedRequest:
    found = parsed(text)
    assert isinstance(found, ForwardedRequest)
    return found


def head_of(request_line: str | bytes, *headers: str | bytes) -> list[bytes]:
    """The lines that the target gets, without `Host`."""
    lines = [each.encode("latin-1") if isinstance(each, str) else each for each in (request_line, *headers)]
    first, host, *others = ask(b"\r\n".join([*lines, b"", b""])).head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert host.startswith(b"Host: ")
    return [first, *others]


def refused(text: str | bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parsed(text)
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
    found = tunnel(f"CONNECT {uri} HTTP/1.1\r\nHost: whatever\r\n\r\n")
    assert found.target == target
    assert found.first_bytes == b""
    assert found.accepted == b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_connect_by_an_old_or_terse_program() -> None:
    assert tunnel("CONNECT example.org:443 HTTP/1.0\n\n").target == Target("example.org", 443)


def test_what_comes_behind_connect_goes_to_the_site() -> None:
    assert tunnel("CONNECT example.org:443 HTTP/1.1\r\n\r\n\x16\x03\x01\r\n\r\n").first_bytes == b"\x16\x03\x01\r\n\r\n"


@pytest.mark.parametrize("uri", ["example.org", "example.org:0", "http://example.org/", "/", "*", "a:b:1", "user@a:80"])
def test_connect_to_no_target(uri: str) -> None:
    assert status_of(refused(f"CONNECT {uri} HTTP/1.1\r\n\r\n").reply) == 400


# --- absolute-form -----------------------------------------------------------------------------
def test_an_absolute_request_is_sent_on_in_origin_form() -> None:
    found = ask("GET http://example.org/a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n")
    assert found.target == Target("example.org", 80)
    assert found.head == b"GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n"
    assert found.rest == b""


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
        ("http://[2001:db8::1]/x", Target("2001:db8::1", 80), "/x", "[2001:db8::1]"),
    ],
)
def test_absolute_targets(uri: str, target: Target, path: str, host: str) -> None:
    found = ask(f"GET {uri} HTTP/1.1\r\n\r\n")
    assert found.target == target
    assert found.head == f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        (b"/?", b"/?"),
        (b"?", b"/?"),
        (b"/a?#part", b"/a?"),
        (b"/a??b=?", b"/a??b=?"),
        (b"/%7Euser/%2e%2E/a%2Fb", b"/%7Euser/%2e%2E/a%2Fb"),
        (b"/a/../b/./c//d", b"/a/../b/./c//d"),
        ("/страница".encode(), b"/%D1%81%D1%82%D1%80%D0%B0%D0%BD%D0%B8%D1%86%D0%B0"),
        ("/?q=日本&r=é".encode(), b"/?q=%E6%97%A5%E6%9C%AC&r=%C3%A9"),
        (b"/\xe4\xff?\x80", b"/%E4%FF?%80"),
        (b"/a\x01b\x7f", b"/a%01b%7F"),
        (b'/<a>|{b}\\"^`', b'/<a>|{b}\\"^`'),
        (b"/%zz%", b"/%zz%"),
        (b"/a b/c  d?e= f", b"/a%20b/c%20%20d?e=%20f"),
        (b"/a HTTP/1.0", b"/a%20HTTP/1.0"),
        (b"/a ", b"/a"),
    ],
)
def test_path_and_query_arrive_as_they_were_given(uri: bytes, path: bytes) -> None:
    """But for bytes that no URL may have: these are percent-encoded, which means the same."""
    assert head_of(b"GET http://example.org" + uri + b" HTTP/1.1") == [b"GET " + path + b" HTTP/1.1"]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("http://example.org", "*"),
        ("http://example.org:8080", "*"),
        ("http://example.org#x", "*"),
        ("http://example.org/", "/"),
        ("http://example.org?", "/?"),
        ("http://example.org/*", "/*"),
    ],
)
def test_options_of_a_whole_site(uri: str, path: str) -> None:
    """RFC 9112 section 3.2.4."""
    assert head_of(f"OPTIONS {uri} HTTP/1.1") == [f"OPTIONS {path} HTTP/1.1".encode()]


@pytest.mark.parametrize("method", ["patch", "Get", "post", "PROPFIND", "M-SEARCH", "head", "x!#$"])
def test_methods_keep_their_letters(method: str) -> None:
    """They are case-sensitive (RFC 9110 section 9.1), and browsers send `patch` as a page has written it."""
    assert head_of(f"{method} http://example.org/ HTTP/1.1") == [f"{method} / HTTP/1.1".encode()]


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("bücher.example", b"xn--bcher-kva.example"),
        ("пример.example:8080", b"xn--e1afmkfd.example:8080"),
        ("b%C3%BCcher.example", b"xn--bcher-kva.example"),
    ],
)
def test_a_host_in_another_script(name: str, host: bytes) -> None:
    found = ask(f"GET http://{name}/ HTTP/1.1\r\n\r\n".encode())
    assert found.head == b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
    assert str(found.target) == (host.decode() if b":" in host else host.decode() + ":80")


@pytest.mark.parametrize("blank", [b"\r\n", b"\n", b"\r\n\r\n", b"\r\n\n\r\n"])
def test_blank_lines_before_a_request(blank: bytes) -> None:
    """RFC 9112 section 2.2."""
    assert ask(blank + b"GET http://example.org/ HTTP/1.1\r\n\r\nrest").rest == b"rest"
    assert tunnel(blank + b"CONNECT example.org:443 HTTP/1.1\r\n\r\n").target == Target("example.org", 443)


def test_the_host_of_the_target_counts_and_not_the_header() -> None:
    """RFC 9112 section 3.2.2."""
    found = ask("GET http://example.org/ HTTP/1.1\r\nHost: other.example\r\nHOST: third.example\r\n\r\n")
    assert found.head == b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"


@pytest.mark.parametrize(
    "value",
    [b"a=\x01b", b"a=\x1f\x7f", b"\x02\x03", "a=é日".encode(), b"\xe4", b'a="b;c"', b"a\tb", b"a  b"],
)
def test_values_arrive_as_they_were_given(value: bytes) -> None:
    """A site may have set such a cookie."""
    assert head_of("GET http://example.org/ HTTP/1.1", b"Cookie: " + value)[1] == b"Cookie: " + value


def test_order_and_letters_of_names_stay() -> None:
    headers = [b"x-b: 1", b"X-A: 2", b"x-B: 3", b"ACCEPT: */*", b"x_c: 4"]
    assert head_of("GET http://example.org/ HTTP/1.1", *headers)[1:] == headers


def test_a_body_is_kept_as_it_came() -> None:
    body = b"\r\n\r\nPOST / \x00\xff"
    head = f"POST http://example.org/ HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    found = ask(head + body)
    assert found.rest == body
    assert f"Content-Length: {len(body)}".encode() in found.head


def test_what_is_meant_for_the_proxy_stays_here() -> None:
    headers = [
        "Connection: X-Private , te",
        "Proxy-Authorization: Basic c2VjcmV0",
        "Keep-Alive: 300",
        "TE: trailers",
        "Upgrade: h2c",
        "x-private: 1",
        "X-Kept: 2",
    ]
    assert head_of("GET http://example.org/ HTTP/1.1", *headers)[1:] == [b"X-Kept: 2"]


@pytest.mark.parametrize(
    ("version", "headers", "said"),
    [
        ("1.1", [], []),
        ("1.1", ["Connection: keep-alive"], [b"Connection: keep-alive"]),
        ("1.1", ["Proxy-Connection: Keep-Alive"], [b"Connection: keep-alive"]),
        ("1.1", ["Proxy-Connection: keep-alive", "Connection: keep-alive"], [b"Connection: keep-alive"]),
        ("1.1", ["Connection: Close"], [b"Connection: close"]),
        ("1.1", ["Connection: keep-alive, close"], [b"Connection: close"]),
        ("1.1", ["Proxy-Connection: close"], [b"Connection: close"]),
        ("1.0", [], [b"Connection: close"]),
        ("1.0", ["Connection: keep-alive"], [b"Connection: close"]),
        ("1.0", ["Proxy-Connection: keep-alive"], [b"Connection: close"]),
    ],
)
def test_a_site_hears_of_the_connection_what_it_would_hear_without_a_proxy(
    version: str, headers: list[str], said: list[bytes]
) -> None:
    assert head_of(f"GET http://example.org/ HTTP/{version}", *headers)[1:] == said


WEBSOCKET = ["Upgrade: websocket", "Sec-WebSocket-Key: x"]


@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, Upgrade", "foo,UPGRADE"])
def test_a_websocket_is_asked_for(connection: str) -> None:
    lines = head_of("GET http://example.org/chat HTTP/1.1", f"Connection: {connection}", *WEBSOCKET)
    said = b"Connection: keep-alive, Upgrade" if "keep-alive" in connection else b"Connection: Upgrade"
    assert lines[1:] == [said, *(each.encode() for each in WEBSOCKET)]


@pytest.mark.parametrize(
    ("request_line", "headers"),
    [
        ("GET http://example.org/ HTTP/1.1", ["Upgrade: websocket"]),
        ("GET http://example.org/ HTTP/1.1", ["Connection: Upgrade", "Upgrade: h2c"]),
        ("GET http://example.org/ HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket, h2c"]),
        ("GET http://example.org/ HTTP/1.1", ["Connection: Upgrade", "Upgrade: TLS/1.0"]),
        ("POST http://example.org/ HTTP/1.1", ["Connection: Upgrade", "Upgrade: websocket"]),
        ("GET http://example.org/ HTTP/1.0", ["Connection: Upgrade", "Upgrade: websocket"]),
        ("GET http://example.org/ HTTP/1.1", ["Connection: Upgrade, close", "Upgrade: websocket"]),
    ],
)
def test_no_other_upgrade_reaches_a_site(request_line: str, headers: list[str]) -> None:
    assert not [line for line in head_of(request_line, *headers) if b"upgrade" in line.lower()]


def test_the_connection_header_cannot_take_away_where_the_body_ends() -> None:
    found = ask(
        "POST http://example.org/ HTTP/1.1\r\nConnection: content-length, transfer-encoding, host\r\n"
        "Content-Length: 2\r\n\r\nab"
    )
    assert b"Content-Length: 2\r\n" in found.head
    assert b"Host: example.org\r\n" in found.head


@pytest.mark.parametrize(
    ("method", "is_safe"), [("GET", True), ("HEAD", True), ("OPTIONS", True), ("POST", False), ("get", False)]
)
def test_what_may_be_asked_twice(method: str, is_safe: bool) -> None:
    assert ask(f"{method} http://example.org/ HTTP/1.1\r\n\r\n").is_safe is is_safe


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
        ("Content-Length: 1\r\nContent-Length: 1", 400),
        ("Content-Length: 1 1", 400),
        ("Content-Length: 0x1", 400),
        ("Content-Length: 1\x01", 400),
        ("Transfer-Encoding: identity", 501),
        ("Transfer-Encoding: \x0bchunked\x01", 501),
    ],
)
def test_a_body_whose_end_is_in_doubt(headers: str, status: int) -> None:
    assert status_of(refused(f"POST http://example.org/ HTTP/1.1\r\n{headers}\r\n\r\n").reply) == status


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("https://example.org/", "CONNECT"),
        ("ftp://example.org/", "http://host/path"),
        ("wss://example.org/", "CONNECT"),
        ("ws://example.org/", "Upgrade: websocket"),
        ("WS://example.org/", "Upgrade: websocket"),
        ("http:///x", "http://host/path"),
        ("http://?x", "http://host/path"),
        ("http://[::1/", "target"),
        ("http://example.org:0/", "port"),
        ("http://exa%20mple.org/", "target"),
        ("http://" + "a" * 400 + ".example/", "too long"),
        ("http://example.org/\x00", "not allowed in a URL"),
        ("http://example.org/\t", "not allowed in a URL"),
        ("http://example.org/a\rb", "not allowed in a URL"),
        ("http://example.org/\x0b", "not allowed in a URL"),
        ("http://ex\xe4mple.org/", "not a valid name"),
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
        "GET http://example.org/ HTTP/1.1\r\n X: first",
        "GET http://example.org /a HTTP/1.1",
        "GET http://a b/ HTTP/1.1",
        "GET http://example.org/ HTTP/1.1 x",
        "CONNECT example.org:443 x HTTP/1.1",
        "GET http://example.org/ HTTP/1.",
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
    "a page behind an empty line": b"\r\nGET / HTTP/1.1\r\n\r\n",
    "empty lines and a page": b"\r\n\n\r\nPOST /x HTTP/1.1\r\n\r\n",
    "nothing but empty lines": b"\r\n" * 600,
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
    assert refused(b"GET hello" + b"o" * HEAD_MAX).reply == b""


def test_a_head_of_the_greatest_length() -> None:
    start, end = b"GET http://example.org/ HTTP/1.1\r\nContent-Length: 4\r\nX: ", b"\r\n\r\n"
    fitting = start + b"y" * (HEAD_MAX - len(start) - len(end)) + end
    assert ask(fitting + b"body").rest == b"body"
    too_long = fitting[: -len(end)] + b"y" + end
    assert status_of(refused(too_long).reply) == 431
    assert outcome([too_long[:-1], b"\n"])[1]


def test_more_lines_than_anybody_needs() -> None:
    lines = "X: y\r\n" * FIELDS_MAX
    assert ask(f"GET http://example.org/ HTTP/1.1\r\n{lines}\r\n").head.count(b"X: y") == FIELDS_MAX
    assert status_of(refused(f"GET http://example.org/ HTTP/1.1\r\n{lines}X: y\r\n\r\n").reply) == 431


def test_a_head_without_end_is_not_kept() -> None:
    parser = HttpParser()
    start = b"GET http://example.org/"
    assert parser.receive_data(start + b"G" * (HEAD_MAX - len(start))) is None
    with pytest.raises(RequestError, match="longer") as caught:
        parser.receive_data(b"G")
    assert status_of(caught.value.reply) == 431


# --- responses ---------------------------------------------------------------------------------
def test_a_refusal_is_a_whole_response() -> None:
    reply = tunnel("CONNECT example.org:443 HTTP/1.1\r\n\r\n").refused(ProxyStatus("dns_error"))
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
        assert _GOOD.encode() not in (found.first_bytes if isinstance(found, ConnectRequest) else found.head)
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


Outcome = tuple[object, ...]


def outcome(pieces: list[bytes]) -> Outcome:
    """The request with all that comes behind it, or reason and reply of the error."""
    parser = HttpParser()
    for number, piece in enumerate(pieces):
        try:
            request = parser.receive_data(piece)
        except RequestError as error:
            return str(error), error.reply
        rest = b"".join(pieces[number + 1 :])
        if isinstance(request, ConnectRequest):
            return request.target, request.first_bytes + rest
        if request is not None:
            return request.target, request.head, request.rest + rest
    return ()


@given(st.lists(pieces, max_size=12).map(b"".join) | st.binary(max_size=80) | good, places)
@example(b"GET http://a.example/ HTTP/1.1\r\n\r\n\r\nbody", [33, 34, 35])
@example(b"\r\n\r\nGET http://a.example/ HTTP/1.1\r\n\r\n", [1, 2, 3])
def test_any_bytes_in_any_split_come_to_the_same_end(data: bytes, at: list[int]) -> None:
    whole = outcome([data])
    assert outcome(cut(data, at)) == whole
    assert outcome([bytes((byte,)) for byte in data]) == whole


@given(
    st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n\r\n", b":"]), max_size=8).map(b"".join),
    st.integers(-4, 4),
    places,
)
@settings(max_examples=40)
def test_the_bound_is_the_same_in_any_split(tail: bytes, over: int, at: list[int]) -> None:
    head = b"GET http://example.org/ HTTP/1.1\r\nX: "
    data = head + b"y" * (HEAD_MAX - len(head) - len(tail) + over) + tail
    near_the_end = [len(data) - place % 12 for place in at]
    assert outcome(cut(data, near_the_end)) == outcome([data])
