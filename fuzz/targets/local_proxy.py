"""What programs send to the local proxy, and what sites answer through it (`client/local_proxy`).

A page can make the reader's browser send nearly any request to the local proxy, and a site answers what it likes.
"""

from __future__ import annotations

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.exchange import Exchange
from freespan.client.local_proxy.http_request import ConnectRequest, ForwardedRequest, HttpParser
from freespan.client.local_proxy.parsers import socks_parser_for
from freespan.client.local_proxy.repair import HEAD_MAX, RepairError, repaired_response
from freespan.client.local_proxy.request import RequestError
from freespan.wire.proxy_status import ProxyStatus
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason
from fuzz.script import Script, piece, split

_ROOM = "freespan.client.local_proxy."
_FAILED = ProxyStatus("dns_error")
_UNAVAILABLE = ProxyStatus("destination_unavailable")
_CREDENTIALS = Credentials("u", "p")
_LINES_MAX = 500


# --- requests ------------------------------------------------------------------------------------------
def _http_request(data: bytes) -> None:
    """First how the rest is cut into pieces, then the bytes of a program."""
    script = Script(data)
    cuts, sent = script.piece(), script.rest()
    for credentials in (None, _CREDENTIALS) if sent else ():
        whole = _http_outcome([sent], credentials)
        assert _http_outcome(split(sent, cuts), credentials) == whole


def _http_outcome(pieces: list[bytes], credentials: Credentials | None) -> tuple[object, ...]:
    parser = HttpParser(credentials)
    for number, part in enumerate(pieces):
        try:
            request = parser.receive_data(part)
        except RequestError as error:
            check_reason(error)
            return str(error), error.reply
        following = b"".join(pieces[number + 1 :])
        if isinstance(request, ConnectRequest):
            assert request.refused(_FAILED)
            assert request.refused(_UNAVAILABLE)
            return request.target, request.first_bytes + following
        if request is not None:
            assert request.refused(_FAILED) or b"Mozilla/" in request.head  # a page is told nothing
            _check_forwarded(request.head)
            return request.target, request.head, request.rest + following
    return ()


def _check_forwarded(head: bytes) -> None:
    """A site gets one host, one word on where the body ends, and nothing that is for this proxy."""
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    names = [line.partition(b":")[0].lower() for line in lines[1:]]
    assert names.count(b"host") == 1
    assert names.count(b"connection") <= 1
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert not {b"proxy-authorization", b"proxy-connection", b"te"} & set(names)


def _socks_request(data: bytes) -> None:
    """First how the rest is cut into pieces, then the bytes of a program."""
    script = Script(data)
    cuts, sent = script.piece(), script.rest()
    for credentials in (None, _CREDENTIALS) if sent else ():
        whole = _socks_outcome([sent], credentials)
        assert _socks_outcome(split(sent, cuts), credentials) == whole


def _socks_outcome(pieces: list[bytes], credentials: Credentials | None) -> tuple[object, ...]:
    """What comes of `pieces`: what goes to which target, what comes back, and the error."""
    sent, replies = list(pieces), b""
    parser = socks_parser_for(sent[0][0], credentials)
    try:
        while sent and parser is not None:
            try:
                request = parser.receive_data(sent.pop(0))
            finally:
                replies += parser.data_to_send()
            if request is not None:
                assert request.refused(_FAILED)
                return request.target, request.accepted, request.first_bytes + b"".join(sent), replies
    except RequestError as error:
        check_reason(error)
        return str(error), error.reply, replies
    return None, b"", replies


# --- responses -----------------------------------------------------------------------------------------
def _response(data: bytes) -> None:
    """First how the rest is cut into pieces, then the bytes of a site."""
    script = Script(data)
    cuts, sent = script.piece(), script.rest()
    outcome = _answer(split(sent, cuts))
    if sent.count(b"\n") < _LINES_MAX:  # many lines take long enough once
        assert _answer([sent] if sent else []) == outcome


def _answer(pieces: list[bytes]) -> tuple[object, ...]:
    """What an old program gets, which shows no chunks, and what has gone wrong."""
    request = HttpParser().receive_data(b"GET http://a.example/ HTTP/1.0\r\n\r\n")
    assert isinstance(request, ForwardedRequest)
    exchange = Exchange(request)
    exchange.request_head()
    exchange.receive_from_program(b"")
    passed = b"".join(_from_target(exchange, part) for part in (*pieces, b""))
    head = passed.partition(b"\r\n\r\n")[0].lower()
    assert not passed or head.startswith(b"http/1.1 ")
    assert b"\nproxy-status:" not in head
    assert exchange.response_is_complete or exchange.failure is not None
    return passed, exchange.failure


def _from_target(exchange: Exchange, data: bytes) -> bytes:
    if exchange.failure is not None or exchange.response_is_complete or exchange.is_switched:
        return b""
    return exchange.receive_from_target(data) if data else exchange.target_ended()


def _repair(data: bytes) -> None:
    """A mended head has no second meaning: mended again, it stays as it is."""
    found = attempt(lambda: repaired_response(data + b"\r\n\r\n"), RepairError)
    if isinstance(found, RepairError):
        check_reason(found)
        return
    mended, codings = found.encode(), found.codings
    assert repaired_response(mended).encode() == mended
    assert not repaired_response(mended).codings
    assert not codings or codings.lower() not in (b"chunked", b"identity")
    names = [line.partition(b":")[0].lower() for line in mended.split(b"\r\n")]
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert b"\n" not in mended.replace(b"\r\n", b"")


def _exchange(data: bytes) -> None:
    """A request, then pieces of what follows it and of the answer by turns, and how it ends."""
    script = Script(data)
    request = attempt(lambda: HttpParser().receive_data(script.piece() or b"G"), RequestError)
    if not isinstance(request, ForwardedRequest):
        return
    exchange = Exchange(request)
    sent = exchange.request_head() + exchange.receive_from_program(request.rest)
    _check_forwarded(sent[: sent.index(b"\r\n\r\n") + 4])
    received = b""
    while not script.is_over:
        part, said = script.piece(), script.piece()
        if not exchange.request_is_complete and exchange.failure is None:
            sent += exchange.receive_from_program(part)
        received += _from_target(exchange, said) if said else b""
    received += _end_of(exchange, sum(data) % 4)
    assert not received or received.startswith(b"HTTP/1.1 ")
    assert len(exchange.left_over) <= len(data)
    assert not (exchange.end_is_noticed and exchange.response_is_complete)
    if exchange.failure is None and exchange.can_reuse_target and exchange.can_reuse_program:
        assert exchange.response_is_complete
        assert exchange.request_is_complete
    if exchange.may_be_repeated:
        assert exchange.start_again() == sent
        assert not exchange.has_login or b"uthorization" in sent


def _end_of(exchange: Exchange, way: int) -> bytes:
    """One of the two goes, politely or not."""
    if way == 0:
        exchange.program_ended()
    elif way == 1:
        exchange.program_has_gone()
    elif way == 2:
        exchange.target_was_cut(_FAILED)
    return _from_target(exchange, b"")


_HEADERS = (
    *(b"Host: h\r\n", b"Connection: close, x\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(
        b"Proxy-Authorization: x\r\n",
        b"Proxy-Authorization: Basic dTpw\r\n",
        b"TE: trailers\r\n",
        b"Upgrade: x\r\n",
        b"X: y\r\n",
        b" folded\r\n",
    ),
)
_HTTP_WORDS = (
    *_HEADERS,
    *(
        b"GET ",
        b"CONNECT ",
        b"http://",
        b"https://",
        b"a.example:443",
        b"u:p@",
        b"[::1]",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\n",
    ),
    *(b"\r\n\r\n", b"\r\n", b"\n", b"\r", b":", b"?", b"#", b"0\r\n\r\n", b"5\r\nhello\r\n", b"5;x=y\r\n", b"f" * 15),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 S\r\n", b"HTTP/1.0 204\n"),
)
_SOCKS_WORDS = (
    *(
        b"\x05\x01\x00",
        b"\x05\x02\x00\x02",
        b"\x05\x01\x00\x01\x01\x01\x01\x01\x01\xbb",
        b"\x05\x01\x00\x04",
        b"\x04\x01",
    ),
    *(b"\x05\x01\x00\x03\x0bexample.org\x01\xbb", b"\x05\x02\x00", b"\x05\x03\x00", b"\x00\x00", "ü".encode()),
)
_GET = b"GET http://example.org/x?y HTTP/1.1\r\n"
_CHUNKED = b"POST http://example.org/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNKS = b"5;x\r\nhello\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n"
_OK = b"HTTP/1.1 200 OK\r\nConnection: x\r\nX: y\r\n folded\r\nContent-Length: 2\r\n\r\nok"
_EXPECTING = b"PUT http://example.org/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
_LOGIN = b"HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"
_SWITCH = b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n\x81"
_CHUNKED_ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n"
_HTTP_SEEDS = (
    b"\r\n\nOPTIONS http://example.org HTTP/1.1\r\n\r\n",
    b"GET ws://example.org/ HTTP/1.1\r\n\r\n",
    b"GET http://example.org/\x00 HTTP/1.1\r\n\r\n",
    "GET http://bücher.example:81/é?ü HTTP/1.1\r\nProxy-Connection: keep-alive\r\n\r\n".encode(),
    b"GET http://\xff/ HTTP/1.1\r\n\r\n",
    b"GET http://example.org/ HTTP/1.1\r\n" + b"A: b\r\n" * 5_001 + b"\r\n",
    b"\r\n" * 600,
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n\x16\x03",
    b"CONNECT example.org HTTP/1.1\r\n\r\n",
    _GET + b"".join(_HEADERS[:2]) + b"\r\n",
    b"POST http://u:p@[2a00::1]:80 HTTP/1.0\nContent-Length: 3\n\nabcd",
    b"GET https://example.org/ HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    _GET + b"Proxy-Authorization: Basic dTpw\r\nUser-Agent: Mozilla/5.0\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\n\r\n",
    b"GET http://example.org/ HTTP/1.1\r\nbad\r\n\r\n",
    b"GET http://example.org/\xff HTTP/1.1\r\n\r\n",
    b"GET http://example.org/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET http://example.org/ HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"GET http://example.org/ HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"GET http://" + b"a" * 350 + b"/ HTTP/1.1\r\n\r\n",
    _CHUNKED + _CHUNKS,
    _CHUNKED + b"g\r\n",
    _CHUNKED + b"1\r\nxx\r\n",
    _CHUNKED + b"0\r\nbad\r\n\r\n",
    b"GET " + b"x" * HEAD_MAX,
)
_SOCKS_SEEDS = (
    b"\x05\x01\x00\x05\x01\x00\x03\x0bexample.org\x01\xbbhello",
    b"\x05\x02\x02\x00\x05\x01\x00\x01\x01\x01\x01\x01\x00\x50",
    b"\x05\x01\x02\x01\x01u\x01p\x05\x01\x00\x03\x0bexample.org\x01\xbbhello",
    b"\x05\x01\x02\x01\x01u\x01x\x05\x01\x00\x01",
    b"\x05\x01\x00\x05\x01\x00\x04" + bytes(15) + b"\x01\x00\x50",
    b"\x05\x01\x02",
    b"\x05\x01\x00\x05\x02\x00\x01" + bytes(6),
    b"\x05\x01\x00\x06\x01\x00\x01" + bytes(6),
    b"\x05\x01\x00\x05\x01\x00\x09" + bytes(6),
    b"\x05\x01\x00\x05\x01\x00\x03\x02\xff\xff\x00\x50",
    b"\x05\x01\x00\x05\x01\x00\x01\x01\x01\x01\x01\x00\x00",
    b"\x05\x01\x02\x01\x01u\x00\x05\x01\x00\x03\x07[2a::1]\x00\x50",
)
_SOCKS4_SEEDS = (
    b"\x04\x01\x00\x50\x01\x01\x01\x01\x00hello",
    b"\x04\x01\x01\xbb\x00\x00\x00\x01user\x00example.org\x00hello",
    b"\x04\x01\x01\xbb\x00\x00\x00\xffu:p\x00" + "faß.example".encode() + b"\x00",
    b"\x04\x02\x00\x50\x01\x01\x01\x01u:p\x00",
    b"\x04\x01\x00\x00\x00\x00\x00\x01\x00\x00",
    b"\x04\x01\x00\x50\x00\x00\x00\x01u:x\x00\xff\x00",
    b"\x04\x01\x00\x50\x00\x00\x00\x01" + b"a" * 1_030,
)
_ANSWERS = (
    _OK,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204\n\n",
    b"HTTP/1.1 101 Switching\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nbad\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: y",
    b"HTTP/1.1 200 " + b"x" * HEAD_MAX,
    b"HTTP/1.1 102 x\r\n\r\n" * 501,
    b"\r\n" * 600,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzz",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd",
    *(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        for chunks in (
            b"3;x=y\r\nabc\r\n2\nde\n0\r\nA: b\r\nbad\r\n\r\nmore",
            b"3\r\nabcd",
            b"3\r\nabcd\r\n",
            b"3\r\nabc\r\nzz\r\n",
            b"1;" + b"x" * 16_384,
            b"0\r\n" + b"A: b\r\n" * 6_000,
        )
    ),
)
_ODD_ANSWERS = (
    b"ICY 200 OK\r\nicy-name: x\r\n\r\n",
    b"\xef\xbb\xbfhttp/1.2  404\tx\r\nX\x00Y: a\r\nno colon\r\n folded\r\n: x\r\nA : b\x01\rc\x00\r\n d",
    b"HTTP/1.1 OK\r\nContent-Length: 3\r\ncontent-length: 03, 3",
    b"HTTP/2\r\nTransfer-Encoding: identity",
    b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
    b"HTTP/1.1 200\r\nTransfer-Encoding: gzip, chunked",
    b"HTTP/1.1 200\r\nContent-Length: 3, 4",
    b"HTTP/1.1 200\r\nContent-Length: 3\r\n 4",
    b"HTTP/1.1 200\r\nContent-Length: 3\x01",
    b"HTTP/1.1 200\r\nContent-Length\xa0: 3",
    b"HTTP/1.1 200\r\nX: y\rTransfer-Encoding: chunked",
    b"HTTP/1.1 2000",
    b"HTTP/1.1 200\r\n" + b"A: b\r\n" * 5_001,
    b"SSH-2.0-x",
)
_SIZE_MAX = HEAD_MAX + 2_048
_ONCE, _CUT, _EACH = b"\x00", b"\x04\x01\x03\x09\xff", piece(b"\x01" * 220)

TARGETS = (
    FuzzTarget(
        "http_request",
        _http_request,
        (f"{_ROOM}http_request", f"{_ROOM}refusal"),
        tuple(cuts + seed for seed in _HTTP_SEEDS for cuts in (_ONCE, _CUT, _EACH)),
        _HTTP_WORDS,
        _SIZE_MAX,
    ),
    FuzzTarget(
        "socks5_request",
        _socks_request,
        (f"{_ROOM}socks5", f"{_ROOM}socks_target", f"{_ROOM}parsers"),
        tuple(cuts + seed for seed in _SOCKS_SEEDS for cuts in (_ONCE, _CUT, _EACH)),
        _SOCKS_WORDS,
        1_024,
    ),
    FuzzTarget(
        "socks4_request",
        _socks_request,
        (f"{_ROOM}socks4",),
        tuple(cuts + seed for seed in _SOCKS4_SEEDS for cuts in (_ONCE, _CUT, _EACH)),
        (*_SOCKS_WORDS, b"u:p", b"\x04\x01\x01\xbb\x00\x00\x00\x01"),
        2_048,
    ),
    FuzzTarget(
        "http_response",
        _response,
        (f"{_ROOM}exchange", f"{_ROOM}response_body"),
        tuple(cuts + seed for seed in _ANSWERS for cuts in (_ONCE, _CUT, _EACH)),
        _HTTP_WORDS,
        _SIZE_MAX,
    ),
    FuzzTarget(
        "http_repair",
        _repair,
        (f"{_ROOM}repair",),
        (*_ANSWERS, *_ODD_ANSWERS),
        _HTTP_WORDS,
        _SIZE_MAX,
    ),
    FuzzTarget(
        "http_exchange",
        _exchange,
        (f"{_ROOM}exchange",),
        (
            piece(_CHUNKED) + piece(_CHUNKS) + piece(_OK),
            piece(_CHUNKED) + piece(b"g\r\n") + piece(_OK),
            piece(_GET + b"\r\n") + piece(b"") + piece(_OK[:20]) + piece(b"") + piece(_OK[20:]),
            piece(_GET + b"\r\n") + piece(b"") + piece(b"SSH-2.0"),
            piece(_GET + b"Content-Length: 2000\r\n\r\n") + piece(b"abc") + piece(b"HTTP/1.1 101 S\r\n\r\n"),
            piece(_GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n") + piece(b"") + piece(_SWITCH),
            piece(_GET + b"\r\n") + piece(b"") + piece(_CHUNKED_ANSWER),
            piece(_GET.replace(b"1.1", b"1.0") + b"\r\n") + piece(b"") + piece(_CHUNKED_ANSWER),
            piece(_GET + b"\r\n") + piece(b"") + piece(_LOGIN),
            piece(_GET + b"Authorization: NTLM x\r\n\r\n") + piece(b"") + piece(b"HTTP/1.1 204 No\r\n\r\n"),
            piece(_EXPECTING) + piece(b"") + piece(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"),
            piece(_EXPECTING) + piece(b"") + piece(b"HTTP/1.1 100 Go\r\n\r\n") + piece(b"abc") + piece(_OK),
            piece(_EXPECTING) + piece(b"ab") + piece(b"HTTP/1.1 417 No\r\nTransfer-Encoding: gzip\r\n\r\nzz"),
            *(piece(_GET + b"\r\n") + piece(bytes(way)) + piece(b"HTTP/1.1 200 OK\r\n\r\nx") for way in range(4)),
            *(piece(_EXPECTING) + piece(bytes((way,))) + piece(b"HTTP/1.1 200 OK\r\nX: ") for way in range(4)),
        ),
        _HTTP_WORDS,
    ),
)
