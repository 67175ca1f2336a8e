"""What comes out of a bond: QUIC packets, and HTTP/3 in their streams (`tunnel`)."""

from __future__ import annotations

import asyncio
import contextlib

from aioquic.buffer import encode_uint_var
from aioquic.h3.connection import FrameType, Setting, StreamType, encode_frame, encode_settings
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.events import ConnectionTerminated, QuicEvent

from freespan.egress.server import _is_for_session_key, _target_of
from freespan.tunnel.drain import DrainWaiters
from freespan.tunnel.quic import PEER, LinkQuic, server_quic
from freespan.tunnel.streams import StreamTable
from freespan.wire.bond_frames import KEY_PATH
from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.limits import DATAGRAM_SIZE, MESSAGE_MAX, STREAMS_MAX
from fuzz.connections import IDENTITY, SETTINGS, Peer, connected, first_flight
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason
from fuzz.script import Script, piece

_TUNNEL = "freespan.tunnel."
_CREDIT = 1 << 20
_SHORT = 32
_runner = asyncio.Runner()


# --- frames of QUIC ------------------------------------------------------------------------------------
def _packets(data: bytes, *, is_client: bool) -> None:
    """Packets one after the other, with what is done between them."""
    script = Script(data)
    peer = connected(is_client=is_client, in_order=script.byte() % 4 > 0)
    peer.quic.control.send_credit = _CREDIT
    if is_client:  # something that may be acknowledged, and a stream that may be reset
        peer.quic.send_stream_data(peer.quic.get_next_available_stream_id(), b"request", end_stream=True)
        peer.send()
    while not script.is_over and not _is_over(peer.quic):
        flags = script.byte()
        payload = script.piece()
        if flags & 128:
            peer.quic.receive_datagram(payload, PEER, now=peer.now)
        else:  # a frame that comes many times shows what it costs
            peer.receive(payload * 64 if flags & 1 and len(payload) <= _SHORT else payload, skipped=flags >> 5)
        if flags & 2:
            _drain(peer.quic)
        if flags & 4:
            peer.send()
        if flags & 8:
            peer.wait(0.2 if flags & 16 else 30)
    _drain(peer.quic)
    peer.send()
    peer.wait(1)


def _is_over(quic: LinkQuic) -> bool:
    return quic._close_event is not None


def _drain(quic: LinkQuic) -> list[QuicEvent]:
    events = []
    while (event := quic.next_event()) is not None:
        events.append(event)
    return events


# --- the first datagram ----------------------------------------------------------------------------------
def _first_datagram(data: bytes) -> None:
    """A datagram as it is, or an Initial with these frames, whose keys everybody knows (RFC 9001 section 5.2)."""
    kind, rest = data[:1], data[1:]
    datagram = _initial(rest) if kind == b"i" else rest
    quic = attempt(lambda: server_quic(IDENTITY, datagram, SETTINGS, in_order=True), TunnelError)
    if isinstance(quic, TunnelError):
        check_reason(quic)
        return
    quic.control.send_credit = _CREDIT
    quic.receive_datagram(datagram, PEER, now=1.0)
    events = _drain(quic)
    sent = quic.datagrams_to_send(now=1.0)
    assert sum(len(one) for one, _ in sent) <= 3 * MESSAGE_MAX
    at = quic.get_timer()
    if at is not None and not any(isinstance(event, ConnectionTerminated) for event in events):
        quic.handle_timer(now=at)
        _drain(quic)


def _initial(payload: bytes) -> bytes:
    destination = bytes(range(8))
    pair = CryptoPair()
    pair.setup_initial(cid=destination, is_client=True, version=1)
    payload = payload[: MESSAGE_MAX - 100]
    payload += bytes(max(0, 1_200 - len(payload)))
    header = b"\xc1\x00\x00\x00\x01\x08" + destination + b"\x08" + bytes(8) + b"\x00"
    header += (0x4000 | len(payload) + 2 + 16).to_bytes(2, "big") + b"\x00\x00"
    return pair.encrypt_packet(header, payload, 0)


def _client_hello() -> bytes:
    client, _ = first_flight()
    return bytes(next(iter(client._crypto_streams.values())).sender._buffer)


# --- HTTP/3 ----------------------------------------------------------------------------------------------
class _Driver:
    """Stands for a `QuicDriver` whose link takes everything."""

    def __init__(self, quic: LinkQuic) -> None:
        self.quic = quic

    @property
    def is_over(self) -> bool:
        return _is_over(self.quic)

    def flush_soon(self) -> None: ...

    def on_request(self) -> None: ...

    def on_change(self) -> None: ...


def _http(data: bytes, *, is_client: bool) -> None:
    _runner.run(_speak_http(Script(data), is_client=is_client))


async def _speak_http(script: Script, *, is_client: bool) -> None:
    """Bytes of streams, and what a handler does with the streams that they open."""
    peer = connected(is_client=is_client, in_order=script.byte() % 4 > 0)
    peer.quic.control.send_credit = _CREDIT
    writers = DrainWaiters(SETTINGS.stream_unsent_max)
    table = StreamTable(_Driver(peer.quic), writers, SETTINGS)  # type: ignore[arg-type]
    table.begin_http(peer.quic)
    if is_client:
        stream = table.open(peer.quic.get_next_available_stream_id())
        table.send_headers(stream, [(b":method", b"CONNECT"), (b":authority", b"a:1")], end=False)
        peer.send()
    offsets: dict[int, int] = {}
    while not script.is_over and not _is_over(peer.quic):
        await _step(peer, table, script, offsets)
    table.cut_all()
    peer.send()


async def _step(peer: Peer, table: StreamTable, script: Script, offsets: dict[int, int]) -> None:
    kind, stream_id = script.byte() % 8, script.byte() % 32
    if kind < 5:
        data = script.piece() * (40 if kind == 4 else 1)
        peer.receive(_stream_frame(stream_id, offsets.get(stream_id, 0), data[: DATAGRAM_SIZE - 64], end=kind == 3))
        offsets[stream_id] = offsets.get(stream_id, 0) + len(data[: DATAGRAM_SIZE - 64])
    elif kind == 5:
        peer.receive(b"\x04" + bytes((stream_id, 0)) + encode_uint_var(offsets.get(stream_id, 0)))
    elif kind == 6:
        peer.receive(b"\x05" + bytes((stream_id, 0)))
    for event in _drain(peer.quic):
        for opened in table.handle_event(event):
            _look_at_request(table, opened.id)
    if kind == 7:
        await _use(table, stream_id, script.byte())
        peer.send()
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
    elif how % 4 == 2:
        with contextlib.suppress(StreamError):
            await stream.write(bytes(how))
    elif stream.unread:
        with contextlib.suppress(StreamError):
            await stream.read()


def _stream_frame(stream_id: int, offset: int, data: bytes, *, end: bool = False) -> bytes:
    return bytes((0x0E | end, stream_id)) + encode_uint_var(offset) + encode_uint_var(len(data)) + data


def _opened(stream_type: int, data: bytes = b"") -> bytes:
    return encode_uint_var(stream_type) + data


_CONNECT = encode_frame(FrameType.HEADERS, b"\x00\x00\xcf\x50\x0ba.example:1")
_GET_KEY = encode_frame(
    FrameType.HEADERS, b"\x00\x00\xd1\x50\x01a\xd7\x51" + bytes((len(KEY_PATH),)) + KEY_PATH.encode()
)
_OK = encode_frame(FrameType.HEADERS, b"\x00\x00\xd9")
_DATA = encode_frame(FrameType.DATA, b"hello")
_TRAILERS = encode_frame(FrameType.HEADERS, b"\x00\x00\x21x\x01y")
_SETTINGS = encode_frame(
    FrameType.SETTINGS, encode_settings({Setting.QPACK_MAX_TABLE_CAPACITY: 4_096, Setting.QPACK_BLOCKED_STREAMS: 16})
)
_CONTROL = _opened(StreamType.CONTROL, _SETTINGS)


def _say(stream_id: int, data: bytes, kind: int = 0) -> bytes:
    return bytes((kind, stream_id)) + piece(data)


def _http_seeds(control: int, head: bytes) -> tuple[bytes, ...]:
    """`control` is the id of the first stream in one direction."""
    qpack = control + 4
    seeds = (
        _say(control, _CONTROL) + _say(0, head + _DATA) + b"\x07\x00\x03" + _say(0, _DATA, 3) + b"\x07\x00\x01",
        _say(control, _CONTROL) + _say(qpack, b"\x02\x3f\xe1\x1f") + _say(qpack + 4, b"\x03\x80"),
        _say(0, head + _DATA) + b"\x07\x00\x00" + _say(4, head) + b"\x07\x04\x01" + b"\x07\x04\x00" + _say(0, _DATA, 3),
        _say(0, head) + b"\x05\x00" + b"\x07\x00\x02" + b"\x06\x00" + b"\x07\x00\x00",
        _say(0, head + _DATA + _TRAILERS, 3) + _say(4, head[:3]) + _say(4, head[3:]) + b"\x07\x04\x02",
        _say(0, encode_frame(FrameType.HEADERS, b"\x00\x00" + b"\xdd" * 200), 4),
        _say(0, head + _DATA, 4) + _say(0, b"\x40\x64\x02ab") + b"\x07\x00\x00" + _say(0, _DATA),
        _say(control, _CONTROL + _CONTROL) + _say(control, b"\x07\x01\x04"),
        _say(control, _opened(StreamType.CONTROL, encode_frame(FrameType.GOAWAY, b"\x00"))),
        _say(control, b"\x40\x54\x00abc") + _say(control + 4, b"\x01\x05") + _say(control + 8, b"\x21x"),
    )
    return tuple(b"\x01" + seed for seed in seeds)


_HTTP_WORDS = (
    *(
        _CONNECT,
        _GET_KEY,
        _OK,
        _DATA,
        _TRAILERS,
        _SETTINGS,
        b"\x01",
        b"\x00\x00",
        b"\x05\x04",
        b"\x07\x01",
        b"\x0d\x01",
    ),
    *(
        b"\x03\x01\x00",
        b"\x41\x00",
        b"\xcf",
        b"\xd1",
        b"\x50\x03a:1",
        b"\x3f\xe1\x1f",
        b"\x80",
        b"\xff" * 8,
        b"\x40\x41",
    ),
)
_FRAMES = (
    *(b"\x00", b"\x01", b"\x02\x00\x00\x00\x00", b"\x03\x01\x00\x01\x00\x00\x00\x00\x00", b"\x04\x00\x00\x01"),
    *(b"\x05\x00\x00", b"\x06\x00\x01x", b"\x07\x01x", b"\x08\x00x", b"\x0f\x00\x00\x01x", b"\x0e\x00\x09\x01x"),
    *(
        b"\x10\x7f\xff",
        b"\x11\x00\x7f\xff",
        b"\x12\x40\x80",
        b"\x13\x40\x80",
        b"\x14\x00",
        b"\x15\x00\x00",
        b"\x16\x00",
    ),
    *(b"\x17\x00", b"\x18\x02\x00\x08" + bytes(24), b"\x19\x00", b"\x1a" + bytes(8), b"\x1b" + bytes(8)),
    *(
        b"\x1c\x00\x00\x00",
        b"\x1d\x00\x00",
        b"\x1e",
        b"\x30x",
        b"\x31\x01x",
        b"\x0c\x02\x00x",
        b"\x02\xff" + b"\xff" * 7,
    ),
    *(b"\x02\x40\xc8\x00\x40\x63\x00", b"\x00\x01", b"\x06\x00\x10\x04\x00\x00\x0c", b"\x0a\x02\x05\x00\x03abc"),
)
_TICKET = b"\x04\x00\x00\x1c" + bytes(4) + bytes(4) + b"\x01\x00\x00\x08freespan" + b"\x00\x04\x00\x2a\x00\x00"
_LONG = b"\xc1\x00\x00\x00\x01\x08" + bytes(8) + b"\x08" + bytes(8) + b"\x00\x14" + bytes(20)
_QUIC_SEEDS = (
    b"\x82" + piece(_LONG) + b"\x82" + piece(_LONG * 9) + b"\x82" + piece(_LONG[:9]) + b"\x82" + piece(b""),
    b"".join(b"\x06" + piece(b"\x06" + bytes((33 * at,)) + b"\x20" + _TICKET) for at in range(6)),
    b"".join(b"\x0c" + piece(b"\x01") for _ in range(90)),
    b"".join(b"\x26" + piece(b"\x01" if at % 3 else b"\x02\x05\x00\x00\x01") for at in range(40)),
    b"\x06" + piece(b"\x06\x80\x00\x40\x00\x01x"),
    b"\x06" + piece(b"".join(bytes((0x0E, 0)) + encode_uint_var(6 * at) + b"\x01A" for at in range(40))),
    b"\x06" + piece(b"\x0e\x00\x80\x0f\x00\x00\x01A\x0e\x04\x80\x0f\x00\x00\x01A\x0e\x00\x01\x01A"),
    b"".join(b"\x0e" + piece(frame) for frame in _FRAMES[:24]),
    *(b"\x06" + piece(frame) for frame in _FRAMES),
    *(b"\x07" + piece(frame) + b"\x2e" + piece(b"\x01") for frame in _FRAMES),
    b"".join(bytes((0x26,)) + piece(b"\x01") for _ in range(60)),
    b"\x06" + piece(b"".join(bytes((0x0E, 0, 2 * at, 1, 65)) for at in range(30))),
    b"\x1e" + piece(b"\x01") + b"\x0e" + piece(b"\x01"),
)

TARGETS = (
    *(
        FuzzTarget(
            f"quic_{'client' if is_client else 'egress'}",
            lambda data, is_client=is_client: _packets(data, is_client=is_client),  # type: ignore[misc]
            (f"{_TUNNEL}quic", f"{_TUNNEL}bounded_quic"),
            tuple(kind + seed for seed in _QUIC_SEEDS for kind in (b"\x00", b"\x01")),
            _FRAMES,
            size_max=250,
        )
        for is_client in (False, True)
    ),
    FuzzTarget(
        "quic_first",
        _first_datagram,
        (f"{_TUNNEL}quic", f"{_TUNNEL}bounded_quic"),
        (
            b"r" + first_flight()[1],
            b"i\x06\x00" + encode_uint_var(len(_client_hello())) + _client_hello(),
            b"i" + b"".join(_FRAMES[:8]),
            b"r\xc1\x0a\x0a\x0a\x0a" + bytes(20),
            b"r\x40" + bytes(30),
        ),
        (
            *_FRAMES,
            b"\x00\x29",
            b"\x00\x39",
            b"\x00\x2b\x00\x03\x02\x03\x04",
            b"\x00\x33",
            b"\x00\x10",
            b"\x00\x2a\x00\x00",
        ),
        size_max=MESSAGE_MAX,
    ),
    *(
        FuzzTarget(
            f"http3_{'client' if is_client else 'egress'}",
            lambda data, is_client=is_client: _http(data, is_client=is_client),  # type: ignore[misc]
            (f"{_TUNNEL}streams", f"{_TUNNEL}http3", f"{_TUNNEL}stream"),
            _http_seeds(3 if is_client else 2, _OK if is_client else _CONNECT)
            + ((b"\x00" + _say(0, _GET_KEY, 3),) if not is_client else ()),
            _HTTP_WORDS,
            size_max=160,
        )
        for is_client in (False, True)
    ),
)
