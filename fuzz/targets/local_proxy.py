"""What programs send to the local proxy, and what sites answer through it (`client/local_proxy`).

A page can make the reader's browser send nearly any request to the local proxy, and a site answers what it likes.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.parsers import parser_for
from freespan.client.local_proxy.request import PROXY_HEAD_MAX, ProxyRequest, RequestError
from freespan.client.local_proxy.response_head import ResponseHead
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason
from fuzz.script import Script, piece, split

_ROOM = "freespan.client.local_proxy."
_Result = TypeVar("_Result")
_FAILED = ProxyStatus("dns_error")
_CREDENTIALS = Credentials("u", "p")
_BAD_BODY = "the program is refused, or the stream is cut if it is open by then"


# --- requests ------------------------------------------------------------------------------------------
def _request(data: bytes) -> None:
    """First how the rest is cut into pieces, then the bytes of a program."""
    script = Script(data)
    cuts, sent = script.piece(), script.rest()
    for credentials in (None, _CREDENTIALS) if sent else ():
        whole = _outcome([sent], credentials)
        assert _outcome(split(sent, cuts), credentials) == whole


def _outcome(pieces: list[bytes], credentials: Credentials | None) -> tuple[object, ...]:
    """What comes of `pieces`: what goes to which target, what comes back, and the error."""
    sent, replies = list(pieces), b""
    try:
        parser = parser_for(sent[0][0], credentials)
        while sent:
            try:
                request = parser.receive_data(sent.pop(0))
            finally:
                replies += parser.data_to_send()
            if request is not None:
                return _of_request(request, sent, replies)
    except RequestError as error:
        check_reason(error)
        return (_BAD_BODY,) if "of the body" in str(error) else (str(error), error.reply, replies)
    return None, b"", replies


def _of_request(request: ProxyRequest, following: list[bytes], replies: bytes) -> tuple[object, ...]:
    assert request.refused(_FAILED) or b"Mozilla/" in request.first_bytes  # a page is told nothing
    program = _Program(following)
    source, _ = request.splice_ends(program, _Site([]))
    passed, error = request.first_bytes, None
    try:
        while part := _now(source.read()):
            passed += part
    except StreamError as caught:
        error = caught.status.error
    if program is not source:
        _check_forwarded(request.first_bytes)
    return (_BAD_BODY,) if error is not None else (request.target, request.accepted, passed, replies)


def _check_forwarded(first_bytes: bytes) -> None:
    """A site gets one host, and is asked to close the connection."""
    head, end, _ = first_bytes.partition(b"\r\n\r\n")
    assert end
    names = [line.partition(b":")[0].strip().lower() for line in head.split(b"\r\n")[1:]]
    assert names.count(b"host") == 1
    assert names.count(b"connection") == 1
    assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
    assert not {b"proxy-authorization", b"upgrade", b"te"} & set(names)


# --- responses -----------------------------------------------------------------------------------------
def _response(data: bytes) -> None:
    """First how the rest is cut into pieces, then the bytes of a site."""
    script = Script(data)
    cuts, sent = script.piece(), script.rest()
    whole = _answer([sent] if sent else [])
    assert _answer(split(sent, cuts)) == whole
    if isinstance(whole, bytes):
        final = whole
        while final.split(b" ", 2)[1][:1] == b"1":
            final = final.partition(b"\r\n\r\n")[2]
        assert final.partition(b"\r\n\r\n")[0].lower().endswith(b"\r\nconnection: close")


def _answer(pieces: list[bytes]) -> bytes | str:
    head = ResponseHead()

    def passed() -> bytes:
        parts = [head.receive_data(part) for part in pieces]
        head.receive_end()
        return b"".join(parts)

    found = attempt(passed, StreamError)
    return found.status.error if isinstance(found, StreamError) else found


def _exchange(data: bytes) -> None:
    """A request, then pieces of its body and of the answer by turns."""
    script = Script(data)
    first = script.piece() or b"G"
    request = attempt(lambda: parser_for(first[0]).receive_data(first), RequestError)
    if request is None or isinstance(request, RequestError):
        return
    program, site = _Program([]), _Site([])
    while not script.is_over:
        program.pieces.append(script.piece())
        site.pieces.append(script.piece())
    source, stream = request.splice_ends(program, site)
    try:
        while part := _now(source.read()):
            _now(stream.write(part))
        stream.write_eof()
    except StreamError:
        stream.abort()
        assert isinstance(attempt(lambda: _now(stream.write(b"more")), StreamError), StreamError)
        return
    received = b""
    while part := _now(stream.read()):
        received += part
    _now(stream.write(b"more"))  # after a refusal too, so that the refusal arrives
    assert _now(stream.read()) == b""
    if stream is not site:
        assert received.startswith(b"HTTP/1.")


class _Program:
    """A program whose bytes are all there."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    async def read(self) -> bytes:
        while self.pieces:
            if part := self.pieces.pop(0):
                return part
        return b""


class _Site(_Program):
    """A site that takes everything, until the stream is given up."""

    is_aborted = False

    async def write(self, data: bytes) -> None:
        if self.is_aborted:
            raise StreamError(_FAILED)

    def write_eof(self) -> None: ...

    def abort(self) -> None:
        self.is_aborted = True


def _now(step: Coroutine[Any, Any, _Result]) -> _Result:
    """What a coroutine returns that never has to wait."""
    try:
        step.send(None)
    except StopIteration as returned:
        result: _Result = returned.value
        return result
    raise AssertionError("it waits for something")


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
_HTTP_SEEDS = (
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
    b"GET " + b"x" * PROXY_HEAD_MAX,
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
    b"HTTP/1.1 200 " + b"x" * PROXY_HEAD_MAX,
)
_SIZE_MAX = PROXY_HEAD_MAX + 2_048
_ONCE, _CUT, _EACH = b"\x00", b"\x04\x01\x03\x09\xff", piece(b"\x01" * 220)

TARGETS = (
    FuzzTarget(
        "http_request",
        _request,
        (f"{_ROOM}http1", f"{_ROOM}request_body", f"{_ROOM}credentials"),
        tuple(cuts + seed for seed in _HTTP_SEEDS for cuts in (_ONCE, _CUT, _EACH)),
        _HTTP_WORDS,
        _SIZE_MAX,
    ),
    FuzzTarget(
        "socks5_request",
        _request,
        (f"{_ROOM}socks5", f"{_ROOM}socks_target", f"{_ROOM}parsers"),
        tuple(cuts + seed for seed in _SOCKS_SEEDS for cuts in (_ONCE, _CUT, _EACH)),
        _SOCKS_WORDS,
        1_024,
    ),
    FuzzTarget(
        "socks4_request",
        _request,
        (f"{_ROOM}socks4",),
        tuple(cuts + seed for seed in _SOCKS4_SEEDS for cuts in (_ONCE, _CUT, _EACH)),
        (*_SOCKS_WORDS, b"u:p", b"\x04\x01\x01\xbb\x00\x00\x00\x01"),
        2_048,
    ),
    FuzzTarget(
        "http_response",
        _response,
        (f"{_ROOM}response_head",),
        tuple(cuts + seed for seed in _ANSWERS for cuts in (_ONCE, _CUT, _EACH)),
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
            piece(_SOCKS_SEEDS[0]),
        ),
        _HTTP_WORDS,
    ),
)
