"""What comes in the streams of a session: HTTP/3 (`tunnel/http3.py`, `tunnel/streams.py`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, cast

from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import FrameType, H3Connection, Setting, StreamType, encode_frame, encode_settings
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StopSendingReceived, StreamDataReceived, StreamReset

from freespan.egress.server import _is_for_session_key, _target_of
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.driver import QuicDriver
from freespan.tunnel.http3 import FIELDS_MAX, PlainHttp
from freespan.tunnel.quic import LinkQuic
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.tunnel.streams import StreamTable
from freespan.wire.bond_frames import KEY_PATH
from freespan.wire.errors import StreamError
from freespan.wire.limits import STREAMS_MAX
from fuzz.fuzz_target import FuzzTarget, attempt
from fuzz.script import Script, piece, split

_SETTINGS = TunnelSettings()
_MUCH = 1 << 30
_runner = asyncio.Runner()


class _Quic:
    """Stands for a `LinkQuic` that takes everything."""

    _quic_logger = None
    _remote_max_datagram_frame_size = None
    min_rtt = 0.1
    held = 0

    def __init__(self, *, is_client: bool) -> None:
        self.configuration = _CONFIGURATIONS[is_client]
        self.is_over = False
        self.is_full = False
        self.ended: set[int] = set()
        self._next = {True: 3 - is_client, False: 1 - is_client}

    @property
    def control(self) -> _Quic:
        return self

    def get_next_available_stream_id(self, is_unidirectional: bool = False) -> int:
        self._next[is_unidirectional] += 4
        return self._next[is_unidirectional] - 4

    def send_stream_data(self, stream_id: int, data: bytes, end_stream: bool = False) -> None:
        """aioquic refuses to write where the other end alone may, and behind an end."""
        if stream_id % 4 == 2 + self.configuration.is_client:
            raise ValueError("a stream of the other end")
        if stream_id in self.ended:
            raise RuntimeError("it has ended")
        if end_stream:
            self.ended.add(stream_id)

    def reset_stream(self, stream_id: int, error_code: int) -> None:
        self.ended.add(stream_id)

    def stop_stream(self, stream_id: int, error_code: int) -> None: ...

    def unsent(self, stream_id: int) -> int:
        return _MUCH if self.is_full else 0

    def grant_stream(self, stream_id: int, unread: int, window: int) -> bool:
        return stream_id % 8 == 0

    def grant_session(self, unread: int) -> bool:
        return unread % 2 == 0

    def close(self, error_code: int, frame_type: int | None = None, reason_phrase: str = "") -> None:
        self.is_over = True


class _Driver:
    """Stands for a `QuicDriver`."""

    def __init__(self, quic: _Quic | None) -> None:
        self.quic = quic

    @property
    def is_over(self) -> bool:
        return self.quic is not None and self.quic.is_over

    def flush_soon(self) -> None: ...

    def on_request(self) -> None: ...

    def on_change(self) -> None: ...


_CONFIGURATIONS = {is_client: QuicConfiguration(is_client=is_client) for is_client in (False, True)}


class _Streams:
    """What QUIC hands on of the streams of the other end: in order, and nothing behind an end."""

    def __init__(self, *, is_client: bool) -> None:
        self._first = (1, 3) if is_client else (0, 2)
        self._over: set[int] = set()

    def event(self, kind: int, stream_id: int, data: bytes) -> QuicEvent | None:
        is_own = stream_id % 4 == 1 - self._first[0]
        may_come = stream_id % 4 in self._first or (is_own and self._first[0] == 1)
        if not may_come or (kind != 6 and stream_id in self._over):
            return None
        if kind in (3, 5):
            self._over.add(stream_id)
        if kind == 5:
            return StreamReset(error_code=0, stream_id=stream_id)
        if kind == 6:
            return StopSendingReceived(error_code=0, stream_id=stream_id) if stream_id % 4 < 2 else None
        return StreamDataReceived(data=data, end_stream=kind == 3, stream_id=stream_id)


# --- what becomes of streams ---------------------------------------------------------------------------
def _http(data: bytes, *, is_client: bool) -> None:
    _runner.run(_speak_http(Script(data), is_client=is_client))


async def _speak_http(script: Script, *, is_client: bool) -> None:
    """Bytes of streams, and what a handler does with the streams that they open."""
    quic, streams, driver = _Quic(is_client=is_client), _Streams(is_client=is_client), _Driver(None)
    table = StreamTable(cast(QuicDriver, driver), DrainWaiters(_SETTINGS.stream_unsent_max), _SETTINGS)
    stream = table.open(quic.get_next_available_stream_id()) if is_client else None
    flags = script.byte() if is_client else 0
    if flags & 4:
        driver.quic = quic
    if stream is not None and flags & 2:  # before anything has begun
        await _step(table, streams, script)
        await _use(table, stream.id, script.byte())
    driver.quic = quic
    table.begin_http(cast(LinkQuic, quic))
    if stream is not None:
        table.send_headers(stream, [(b":method", b"CONNECT"), (b":authority", b"a:1")], end=False)
    while not script.is_over:
        await _step(table, streams, script)
    table.begin_http(cast(LinkQuic, quic))
    table.cut_all()


async def _step(table: StreamTable, streams: _Streams, script: Script) -> None:
    kind, stream_id = script.byte() % 8, script.byte() % 32
    if kind == 7:
        await _use(table, stream_id, script.byte())
    else:
        data = script.piece() * (40 if kind == 4 else 1) if kind < 5 else b""
        event = streams.event(kind, stream_id, data) if not table._driver.is_over else None
        for opened in table.handle_event(event) if event is not None else ():
            _look_at_request(table, opened.id)
    assert len(table.by_id) <= 2 * STREAMS_MAX + 1
    assert table.held >= table.window.unread
    assert table.window.unread == sum(stream.unread for stream in table.by_id.values())


def _look_at_request(table: StreamTable, stream_id: int) -> None:
    """As the egress does."""
    stream = table.by_id[stream_id]
    if _is_for_session_key(stream):
        return
    target = attempt(lambda: _target_of(stream), StreamError)
    if isinstance(target, StreamError):
        headers = [(b":status", b"400"), (b"proxy-status", target.status.header().encode())]
        table.send_headers(stream, headers, end=True)
        table.release(stream)
    else:
        table.send_headers(stream, [(b":status", b"200")], end=False)


async def _use(table: StreamTable, stream_id: int, how: int) -> None:
    stream = table.by_id.get(stream_id)
    if stream is None:
        return
    if how % 4 == 0:
        table.release(stream)
    elif how % 4 == 1:
        stream.write_eof()
        table.send_headers(stream, [(b":status", b"200")], end=True)
    elif how % 4 == 2:
        await _write(table, stream, bytes(how), waits=how & 32 > 0)
    elif how & 8 and (stream.headers or stream._read_cut):
        with contextlib.suppress(StreamError):
            await stream.wait_headers()
    elif stream.unread or stream._ended or stream._read_cut:
        with contextlib.suppress(StreamError):
            await stream.read()
    if how & 16:
        table.release(stream)
        table.release(stream)


async def _write(table: StreamTable, stream: TunnelStream, data: bytes, *, waits: bool) -> None:
    """Write, and if it `waits`, go on when there is place again."""
    quic = cast("_Quic | None", table._driver.quic)
    if quic is not None and waits:
        quic.is_full = True
        asyncio.get_running_loop().call_soon(table._writers.wake, stream.id)
    with contextlib.suppress(StreamError):
        await stream.write(data)
    if quic is not None:
        quic.is_full = False


# --- the same as aioquic ---------------------------------------------------------------------------------
@dataclass
class _Said:
    """What came on a stream."""

    headers: list[tuple[bytes, bytes]]
    data: bytes = b""
    ended: bool = False


def _same(data: bytes) -> None:
    """Requests in pieces: what is heard is what aioquic hears, unless it is more than may be."""
    script = Script(data)
    cuts, ends = script.piece(), script.byte()
    pieces = split(script.rest(), cuts)
    ours, theirs = _heard(PlainHttp, pieces, ends), _heard(H3Connection, pieces, ends)
    if ours is not None and theirs is not None and len(theirs.headers) <= FIELDS_MAX:
        assert ours == theirs
    assert ours is None or theirs is not None


def _heard(kind: type[H3Connection], pieces: list[bytes], ends: int) -> _Said | None:
    """What the requests on one stream say; None if the connection ends with them."""
    quic = _Quic(is_client=False)
    http = kind(cast(Any, quic))
    events: list[H3Event] = []
    for number, part in enumerate(pieces, 1):
        is_last = bool(ends & 1) and number == len(pieces)
        events += http.handle_event(StreamDataReceived(data=part, end_stream=is_last, stream_id=0))
    if quic.is_over:
        return None
    said: defaultdict[int, _Said] = defaultdict(lambda: _Said([]))
    for event in events:
        if isinstance(event, HeadersReceived):
            said[event.stream_id].headers += event.headers
        if isinstance(event, DataReceived):
            said[event.stream_id].data += event.data
        if isinstance(event, HeadersReceived | DataReceived):
            assert not said[event.stream_id].ended
            said[event.stream_id].ended = event.stream_ended
    return said[0]


_CONNECT = encode_frame(FrameType.HEADERS, b"\x00\x00\xcf\x50\x0ba.example:1")
_GET_KEY = encode_frame(
    FrameType.HEADERS, b"\x00\x00\xd1\x50\x01a\xd7\x51" + bytes((len(KEY_PATH),)) + KEY_PATH.encode()
)
_OK = encode_frame(FrameType.HEADERS, b"\x00\x00\xd9")
_INTERIM = encode_frame(FrameType.HEADERS, b"\x00\x00\xd8")
_DATA = encode_frame(FrameType.DATA, b"hello")
_LONG_DATA = encode_frame(FrameType.DATA, bytes(90))
_TRAILERS = encode_frame(FrameType.HEADERS, b"\x00\x00\x21x\x01y")
_MANY_FIELDS = encode_frame(FrameType.HEADERS, b"\x00\x00\xcf\x50\x01a" + b"\xdd" * 80 + b"\x21x\x01y" * 9)
_CONTROL = encode_uint_var(StreamType.CONTROL) + encode_frame(
    FrameType.SETTINGS, encode_settings({Setting.QPACK_MAX_TABLE_CAPACITY: 4_096, Setting.QPACK_BLOCKED_STREAMS: 16})
)
_LONG_SETTINGS = encode_uint_var(StreamType.CONTROL) + b"\x04\x60\x00" + b"\x21\x01" * 40


def _say(stream_id: int, data: bytes, kind: int = 0) -> bytes:
    return bytes((kind, stream_id)) + piece(data)


def _seeds(control: int, head: bytes) -> tuple[bytes, ...]:
    """`control` is the id of the first stream in one direction."""
    qpack = control + 4
    return (
        _say(control, _CONTROL) + _say(0, head + _DATA) + b"\x07\x00\x03" + _say(0, _DATA, 3) + b"\x07\x00\x01",
        _say(control, _CONTROL) + _say(qpack, b"\x02\x3f\xe1\x1f") + _say(qpack + 4, b"\x03\x80"),
        _say(0, head + _DATA) + b"\x07\x00\x00" + _say(4, head) + b"\x07\x04\x01\x07\x04\x00" + _say(0, _DATA, 3),
        _say(0, head) + b"\x05\x00" + b"\x07\x00\x02" + b"\x06\x00" + b"\x07\x00\x00",
        _say(0, head + _DATA + _TRAILERS, 3) + b"\x07\x00\x07" * 2 + _say(4, head[:3]) + _say(4, head[3:]),
        _say(0, encode_frame(FrameType.HEADERS, b"\x00\x00" + b"\xdd" * 200), 4),
        _say(0, head + _DATA, 4) + _say(0, b"\x40\x64\x02ab") + b"\x07\x00\x00" + _say(0, _DATA),
        _say(0, head)
        + b"\x07\x00\x06"
        + _say(0, _DATA[:1])
        + _say(0, _DATA[1:] * 3)
        + _say(0, _LONG_DATA)
        + b"\x05\x00",
        _say(0, _INTERIM + head) + _say(0, _DATA),
        _say(0, _MANY_FIELDS, 3) + _say(4, _GET_KEY, 3),
        _say(control, _CONTROL + _CONTROL) + _say(control, b"\x07\x01\x04"),
        _say(control, encode_uint_var(StreamType.CONTROL) + encode_frame(FrameType.GOAWAY, b"\x00")),
        _say(control, _LONG_SETTINGS),
        _say(0, head + _DATA)
        + _say(control, _CONTROL + _CONTROL)
        + b"\x07\x00\x03\x07\x00\x02\x07\x00\x01\x07\x00\x00",
        _say(0, head + _DATA)
        + _say(0, _DATA)
        + b"\x07\x00\x03"
        + _say(0, b"", 3)
        + b"\x07\x00\x03\x07\x00\x13"
        + _say(4, head + _DATA)
        + b"\x07\x04\x03",
        _say(0, head) + (_say(0, encode_frame(FrameType.DATA, bytes(1_700)), 4)) * 2 + b"\x07\x00\x03\x07\x00\x00",
        _say(0, head + _DATA) + b"\x05\x00\x07\x00\x03\x07\x00\x0b\x07\x00\x03" + b"\x06\x00\x07\x00\x02",
        _say(0, head) + b"\x07\x00\x22" + _say(0, _DATA) + _say(0, _DATA * 2) + b"\x07\x00\x10",
        _say(control, b"\x40\x54\x00abc") + _say(qpack, b"\x01\x05") + _say(qpack + 4, b"\x21x"),
    )


_WORDS = (
    *(_CONNECT, _GET_KEY, _OK, _DATA, _TRAILERS, _CONTROL, _LONG_DATA, b"\x01", b"\x00\x00", b"\x05\x04", b"\x07\x01"),
    *(b"\x03\x01\x00", b"\x41\x00", b"\xcf", b"\xd1", b"\x50\x03a:1", b"\x3f\xe1\x1f", b"\x80", b"\xff" * 8),
)
_BEFORE = (
    b"\x00\x05\x00\x07\x00\x0b",
    b"\x06\x07\x00\x10\x10",
    b"\x02\x07\x00\x02\x02",
    b"\x02" + _say(0, _OK) + b"\x0b",
)
"""What happens to a client's stream before the session has begun."""
_MODULES = ("freespan.tunnel.http3", "freespan.tunnel.streams", "freespan.tunnel.stream")

TARGETS = (
    *(
        FuzzTarget(
            f"http3_{'client' if is_client else 'egress'}",
            lambda data, is_client=is_client: _http(data, is_client=is_client),  # type: ignore[misc]
            _MODULES,
            (
                *(b"\x00" * is_client + seed for seed in _seeds(2 + is_client, _OK if is_client else _CONNECT)),
                *(_BEFORE if is_client else ()),
            ),
            _WORDS,
            size_max=600,
        )
        for is_client in (False, True)
    ),
    FuzzTarget(
        "http3_pieces",
        _same,
        ("freespan.tunnel.http3",),
        tuple(
            piece(cuts) + b"\x01" + stream
            for cuts in (b"", b"\x01" * 60, b"\x13\x02\x05\x01")
            for stream in (
                _CONNECT + _DATA * 3 + _LONG_DATA + _DATA,
                _CONNECT + _DATA + _TRAILERS,
                _CONNECT + _LONG_DATA + b"\x00\x00" + b"\x00\x40\x05hello" + b"\x40\x00\x02ab",
                _MANY_FIELDS + _DATA,
                _DATA + _CONNECT,
                _CONNECT + b"\x21\x02xx" + _DATA,
            )
        ),
        _WORDS,
        size_max=600,
    ),
)
