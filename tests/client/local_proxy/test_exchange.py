import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.client.local_proxy.exchange import Exchange
from freespan.client.local_proxy.http_request import ForwardedRequest, HttpParser
from freespan.client.local_proxy.repair import HEAD_MAX
from freespan.wire.proxy_status import ProxyStatus
from tests.client.local_proxy.splits import cut, places

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def begun(request: bytes = b"GET http://a.example/ HTTP/1.1\r\n\r\n") -> tuple[Exchange, bytes]:
    """The exchange, and what the target gets at first."""
    parsed = HttpParser().receive_data(request)
    assert isinstance(parsed, ForwardedRequest)
    exchange = Exchange(parsed)
    return exchange, exchange.request_head() + exchange.receive_from_program(parsed.rest)


def get(*headers: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> Exchange:
    lines = [method + b" http://a.example/ HTTP/" + version, *headers, b"", b""]
    return begun(b"\r\n".join(lines))[0]


def answer(exchange: Exchange, pieces: list[bytes], *, ends: bool = False) -> bytes:
    """What the program gets."""
    passed = b""
    for piece in pieces:
        if exchange.response_is_complete or exchange.failure:
            break
        passed += exchange.receive_from_target(piece)
    if ends and not exchange.failure and not exchange.response_is_complete:
        passed += exchange.target_ended()
    return passed


def failed(exchange: Exchange, *pieces: bytes, ends: bool = False) -> str:
    answer(exchange, list(pieces), ends=ends)
    return exchange.failure.error if exchange.failure else ""


# --- heads -------------------------------------------------------------------------------------
def test_both_connections_are_kept_when_nobody_ends_them() -> None:
    exchange, sent = begun(b"GET http://a.example/x HTTP/1.1\r\nX: y\r\n\r\nGET http://b.example/ HTTP/1.1\r\n")
    assert sent == b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n"
    passed = answer(exchange, [b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok"])
    assert passed == b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nok"
    assert exchange.response_is_complete
    assert exchange.can_reuse_target
    assert exchange.can_reuse_program
    assert exchange.left_over == b"GET http://b.example/ HTTP/1.1\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nconnection: X, CLOSE\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n",
    ],
)
def test_a_program_is_told_of_a_target_that_ends_its_connection(sent: bytes) -> None:
    """It may have logged in over it."""
    exchange = get()
    passed = answer(exchange, [sent])
    assert exchange.response_is_complete
    assert not exchange.can_reuse_target
    assert not exchange.can_reuse_program
    assert b"\r\nConnection: close\r\n" in passed


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
    ],
)
def test_a_target_that_says_more_gets_no_other_request(sent: bytes) -> None:
    exchange = get()
    passed = answer(exchange, [sent])
    assert exchange.response_is_complete
    assert not exchange.can_reuse_target
    assert exchange.can_reuse_program
    assert b"Connection" not in passed
    assert passed.count(b"HTTP/1.") == 1


@pytest.mark.parametrize(("version", "headers"), [(b"1.1", [b"Connection: close"]), (b"1.0", [])])
def test_a_program_that_ends_its_connection_is_told_so(version: bytes, headers: list[bytes]) -> None:
    exchange = get(*headers, version=version)
    passed = answer(exchange, [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    assert b"Connection: close\r\n" in passed
    assert not exchange.can_reuse_program


def test_what_concerns_one_connection_stays_there() -> None:
    sent = (
        b"HTTP/1.1 200 OK\r\nServer: x\r\nConnection: keep-alive, X-Hop, content-length\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n"
    )
    assert answer(get(), [sent]) == b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("code", [b"100 Continue", b"103 Early Hints", b"102 Processing", b"199 x"])
def test_interim_responses_come_before_the_final_one(code: bytes) -> None:
    interim = b"HTTP/1.1 " + code + b"\r\nLink: </x>\r\n\r\n"
    exchange = get()
    assert answer(exchange, [interim * 2]) == interim * 2
    assert answer(exchange, [b"HTTP/1.1 204 No\r\n\r\n"]) == b"HTTP/1.1 204 No\r\n\r\n"
    exchange = get(version=b"1.0")
    assert answer(exchange, [interim + b"HTTP/1.1 204 No\r\n\r\n"]).startswith(b"HTTP/1.1 204")


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
        b"Proxy-Status\x00: freespan; error=dns_error",
        b"X: y\rProxy-Status: freespan; error=dns_error",
        b'Proxy-Authenticate: Basic realm="local proxy"',
        b"proxy-authenticate : Digest realm=x\r\nPROXY-AUTHENTICATE: NTLM",
        b"Proxy-Authentication-Info: nextnonce=x",
    ],
)
@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 103 Early Hints\r\n@\r\n\r\n"], ids=["", "interim"])
def test_a_site_never_speaks_as_this_proxy(field: bytes, interim: bytes) -> None:
    """However it writes the field, and in whichever head."""
    sent = interim.replace(b"@", field) + b"HTTP/1.1 407 No\r\nA: b\r\n" + field + b"\r\nC: d\r\n\r\nbody"
    passed = answer(get(), [sent], ends=True)
    lines = passed.split(b"\r\n")
    assert b"C: d" in lines
    assert not [line for line in lines if line.lower().startswith((b"proxy-status", b"proxy-auth"))]
    assert b"\r" not in b"".join(lines)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ([], "http_response_incomplete"),
        ([b"HTTP/1.1 200 OK\r\n"], "http_response_incomplete"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "http_response_incomplete"),
        ([b"SSH-2.0-x\r\n"], "http_protocol_error"),
        ([b"<html>hello"], "http_protocol_error"),
        ([b"<html>" + b"x" * HEAD_MAX], "http_protocol_error"),
        ([b"\r\n" * 600], "http_protocol_error"),
        ([b"HTTP/1.1 101 Switching Protocols\r\n\r\n"], "http_protocol_error"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n"], "http_protocol_error"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"], "http_protocol_error"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"], "http_protocol_error"),
        ([b"HTTP/1.1 200 OK\r\nA: " + b"x" * HEAD_MAX], "http_response_header_section_size"),
    ],
)
def test_answers_that_are_none(sent: list[bytes], error: str) -> None:
    exchange = get()
    assert failed(exchange, *sent, ends=True) == error
    assert not exchange.response_has_begun


@pytest.mark.parametrize("size", [70_000, 200_000, HEAD_MAX - 100])
def test_a_large_head(size: int) -> None:
    value = b"x" * size
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nA: " + value + b"\r\n\r\nok"
    assert answer(get(), cut(sent, [5, 60_000, 120_000])) == sent


# --- bodies ------------------------------------------------------------------------------------
@pytest.mark.parametrize("line", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK", b"ICY 200 OK"])
def test_a_body_until_the_end_of_the_connection_is_passed_as_one(line: bytes) -> None:
    exchange = get()
    passed = answer(exchange, [line + b"\r\n\r\nhe", b"llo"], ends=True)
    assert passed == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
    assert exchange.response_is_complete
    assert not exchange.can_reuse_program
    assert not exchange.can_reuse_target


def test_such_a_body_has_not_ended_when_the_connection_is_cut() -> None:
    exchange = get()
    answer(exchange, [b"HTTP/1.1 200 OK\r\n\r\nhe"])
    exchange.target_was_cut(ProxyStatus("connection_terminated"))
    assert not exchange.response_is_complete
    assert not exchange.end_is_noticed


def test_an_old_program_gets_no_chunks() -> None:
    exchange = get(version=b"1.0")
    passed = answer(exchange, [CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: x\r\n\r\n"])
    assert passed == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"


def test_trailers_pass_but_for_those_of_this_proxy_and_of_the_frame() -> None:
    trailers = b"0\r\nX-Sum: 1\r\nProxy-Status: freespan; error=dns_error\r\nContent-Length: 3\r\nConnection: x\r\n\r\n"
    assert answer(get(), [CHUNKED + b"2\r\nok\r\n" + trailers]) == CHUNKED + b"2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (b"HEAD", b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n"),
    ],
)
def test_responses_without_a_body(method: bytes, sent: bytes) -> None:
    exchange = get(method=method)
    assert answer(exchange, [sent]) == sent
    assert exchange.can_reuse_target


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
        CHUNKED + b"2\r\nhe\r\n",
        CHUNKED + b"5\r\nhe",
        CHUNKED + b"2\r\nhe\r\n0\r\n",
    ],
)
def test_a_response_that_breaks_off_is_no_whole_one(sent: bytes) -> None:
    exchange = get()
    passed = answer(exchange, [sent], ends=True)
    assert exchange.failure == ProxyStatus("http_response_incomplete")
    assert not exchange.response_is_complete
    assert exchange.end_is_noticed
    assert b"he" in passed
    assert not passed.endswith(b"0\r\n\r\n")
    old = get(version=b"1.0")
    answer(old, [sent], ends=True)
    assert not old.end_is_noticed


@pytest.mark.parametrize(
    "chunk",
    [b"zz\r\n", b"123456789abcdef01\r\n", b" 5\r\n", b"0x5\r\n", b"\r\n", b"2\r\nxxx", b"2;" + b"x" * 20_000, b"-1\n"],
)
def test_chunks_that_are_none_end_a_response_where_they_begin(chunk: bytes) -> None:
    exchange = get()
    passed = answer(exchange, [CHUNKED + b"2\r\nok\r\n" + chunk])
    assert passed.startswith(CHUNKED)
    assert b"\r\nok" in passed
    assert b"\r\n0\r\n" not in passed
    assert exchange.failure == ProxyStatus("http_protocol_error")
    assert not exchange.end_is_noticed


def test_a_target_does_not_say_for_ever_that_it_works_on_it() -> None:
    exchange = get()
    assert failed(exchange, b"HTTP/1.1 102 x\r\n\r\n" * 501) == "http_protocol_error"


@given(
    st.sampled_from(
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            CHUNKED + b"2\r\nhe\r\n3 \r\nllo\r\n0\r\nA: b\r\n\r\n",
            b"\r\nHTTP/1.1 103 x\r\n\r\n\nhttp/1.0 200\nA : b\n c\n\nhello",
            b"ICY 200 OK\r\nicy-name: x\r\n\r\nhello",
        ]
    )
    | st.lists(
        st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 100 x", b"\r\n", b"\n", b"\r", b"A: b", b" c", b":", b"\x00"]),
        max_size=14,
    ).map(b"".join),
    places,
)
def test_any_bytes_in_any_split_come_to_the_same_end(data: bytes, at: list[int]) -> None:
    whole, pieces = get(version=b"1.0"), get(version=b"1.0")
    assert answer(whole, [data], ends=True) == answer(pieces, cut(data, at), ends=True)
    assert whole.failure == pieces.failure


# --- requests ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("headers", "body", "sent"),
    [
        (b"Content-Length: 4", b"body", b"body"),
        (b"Transfer-Encoding: chunked", b"4;x\r\nbo", b"2\r\nbo\r\n"),
        (b"Transfer-Encoding: chunked", b"4\r\nbody\r\n0\r\nA: b\r\n\r\n", b"4\r\nbody\r\n0\r\nA: b\r\n\r\n"),
        (b"Content-Length: 0", b"", b""),
    ],
)
def test_a_body_goes_to_the_target_and_nothing_behind_it(headers: bytes, body: bytes, sent: bytes) -> None:
    behind = b"GET http://bank.example/ HTTP/1.1\r\nCookie: secret\r\n\r\n" if not sent.endswith(b"bo\r\n") else b""
    _, first = begun(b"POST http://a.example/ HTTP/1.1\r\n" + headers + b"\r\n\r\n" + body + behind)
    assert first.partition(b"\r\n\r\n")[2] == sent


@pytest.mark.parametrize("body", [b"no size\r\n", b"5\r\nhello!", b"-1\r\n", b"0\r\nno colon\r\n\r\n", b"f" * 21])
def test_chunks_of_a_program_that_are_none(body: bytes) -> None:
    exchange, _ = begun(b"POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"\r\n\r\n")
    assert exchange.failure == ProxyStatus("http_request_error")
    assert exchange.is_the_programs_fault


def test_a_program_that_ends_in_the_middle_has_not_asked() -> None:
    exchange, _ = begun(b"POST http://a.example/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nbody")
    exchange.program_ended()
    assert exchange.is_the_programs_fault


def test_a_response_before_the_end_of_the_request_ends_the_connection() -> None:
    exchange, _ = begun(b"PUT http://a.example/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
    passed = answer(exchange, [b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"])
    assert passed == b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert not exchange.can_reuse_program
    assert not exchange.can_reuse_target


def test_a_program_that_may_not_send_its_body_asks_again_on_the_same_connection() -> None:
    exchange, _ = begun(b"PUT http://a.example/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
    refusal = b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"
    assert answer(exchange, [refusal]) == refusal
    exchange.receive_from_program(b"PUT http://a.example/ HTTP/1.1\r\n")
    assert exchange.can_reuse_program
    assert not exchange.can_reuse_target
    assert exchange.left_over == b"PUT http://a.example/ HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("headers", "body", "interim"),
    [
        (b"Content-Length: 9\r\n", b"", b""),
        (b"Content-Length: 9\r\nExpect: 100-continue\r\n", b"b", b""),
        (b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n", b"5", b""),
        (b"Content-Length: 9\r\nExpect: 100-continue\r\n", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_one_that_may_be_sending_it_does_not(headers: bytes, body: bytes, interim: bytes) -> None:
    exchange, _ = begun(b"PUT http://a.example/ HTTP/1.1\r\n" + headers + b"\r\n" + body)
    passed = answer(exchange, [interim + b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"])
    assert passed.endswith(b"\r\nConnection: close\r\n\r\n")
    assert not exchange.can_reuse_program


@pytest.mark.parametrize(
    ("codings", "body"),
    [(b"gzip, chunked", b"2\r\nzz\r\n0\r\n\r\n"), (b"deflate,CHUNKED", b"2\r\nzz\r\n0\r\n\r\n"), (b"gzip", b"zz")],
)
def test_transfer_codings_are_passed_on(codings: bytes, body: bytes) -> None:
    """Whoever knows none gets nothing, since the content is not theirs to read."""
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + codings + b"\r\n\r\n" + body
    exchange = get()
    passed = answer(exchange, [sent], ends=True)
    head, _, content = passed.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: " + codings in head.split(b"\r\n")
    assert head.lower().count(b"transfer-encoding") == 1
    assert content == body
    assert exchange.response_is_complete
    old = get(version=b"1.0")
    answer(old, [sent], ends=True)
    assert not old.response_has_begun


@pytest.mark.parametrize(
    ("request_line", "headers", "can"),
    [
        (b"GET", b"", True),
        (b"HEAD", b"Content-Length: 0\r\n", True),
        (b"GET", b"Content-Length: 2\r\n", False),
        (b"POST", b"", False),
        (b"DELETE", b"", False),
    ],
)
def test_only_what_does_no_harm_is_asked_again(request_line: bytes, headers: bytes, can: bool) -> None:
    exchange, first = begun(request_line + b" http://a.example/ HTTP/1.1\r\n" + headers + b"\r\nxy")
    assert exchange.may_be_repeated is can
    if can:
        exchange.receive_from_target(b"HTT")
        assert exchange.start_again() == first
        assert answer(exchange, [b"HTTP/1.1 204 No\r\n\r\n"]) == b"HTTP/1.1 204 No\r\n\r\n"


# --- logins, and other protocols ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("challenge", "is_said"),
    [
        (b"NTLM", True),
        (b"Negotiate TlRM", True),
        (b'Basic realm="x", ntlm', True),
        (b'Basic realm="x"', False),
        (b'Digest realm="NTLM"', False),
    ],
)
def test_a_login_that_holds_for_a_connection_is_said_to_work(challenge: bytes, is_said: bool) -> None:
    """RFC 4559 section 6."""
    sent = b"HTTP/1.1 401 No\r\nWWW-Authenticate: " + challenge + b"\r\nContent-Length: 0\r\n\r\n"
    assert (b"Proxy-Support: Session-Based-Authentication\r\n" in answer(get(), [sent])) is is_said


UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket")
SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
)


def test_two_who_agree_speak_another_protocol_from_then_on() -> None:
    exchange = get(*UPGRADE)
    passed = answer(exchange, [SWITCH + b"\x81\x02hi"])
    assert exchange.is_switched
    assert passed.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert passed.endswith(b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi")
    exchange.receive_from_program(b"\x81\x80frame")
    assert exchange.left_over == b"\x81\x80frame"


@pytest.mark.parametrize("status", [b"200 OK", b"401 No", b"426 Upgrade Required"])
def test_a_target_that_does_not_switch_has_answered(status: bytes) -> None:
    exchange = get(*UPGRADE)
    answer(exchange, [b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n"])
    assert not exchange.is_switched
    assert exchange.response_is_complete
    assert exchange.can_reuse_target
    assert exchange.can_reuse_program
