"""What a client can send that costs much: one kind of frame, again and again, in packets of an open connection."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pylsqpack
from aioquic.buffer import encode_uint_var as varint
from aioquic.h3.connection import FrameType, encode_frame
from aioquic.tls import Epoch

from freespan.tunnel.quic import LinkQuic
from freespan.wire.limits import DATAGRAM_SIZE, HEADERS_MAX

Frames = Callable[[LinkQuic], Iterator[bytes]]
"""Frames without end, for the connection of a client that has opened no streams but those of HTTP/3."""

REQUEST = encode_frame(
    FrameType.HEADERS,
    pylsqpack.Encoder().encode(0, [(b":method", b"CONNECT"), (b":authority", b"silent.test:1")])[1],
)
ENDLESS_DATA = varint(FrameType.DATA) + varint(2**29)
_FULL = DATAGRAM_SIZE - 200
_CONTROL, _ENCODER, _DECODER = 2, 6, 10
"""The streams that a client opens for HTTP/3."""


def packet(quic: LinkQuic, payload: bytes) -> bytes:
    """The next packet of a connection, with these frames."""
    crypto, number = quic._cryptos[Epoch.ONE_RTT], quic._packet_number
    quic._packet_number += 1
    head = bytes((0x41 | crypto.key_phase << 2,)) + quic._peer_cid.cid + (number & 0xFFFF).to_bytes(2, "big")
    return crypto.encrypt_packet(head, payload + bytes(max(0, 4 - len(payload))), number)


def packets(quic: LinkQuic, frames: Frames, size: int, *, frames_max: int, padded: bool = False) -> list[bytes]:
    """Packets of `size` bytes together, each as full as it may be."""
    made: list[bytes] = []
    held, count, total = b"", 0, 0
    for frame in frames(quic):
        if held and (count == frames_max or len(held) + len(frame) > _FULL):
            made.append(packet(quic, held))
            total += len(made[-1])
            held, count = b"", 0
            if total >= size:
                break
        held += frame
        count += 1
    return made


def stream(stream_id: int, offset: int, data: bytes) -> bytes:
    return b"\x0e" + varint(stream_id) + varint(offset) + varint(len(data)) + data


def _sent(quic: LinkQuic, stream_id: int) -> int:
    return quic._streams[stream_id].sender.highest_offset


def repeated(frame: bytes) -> Frames:
    return lambda _: itertools.repeat(frame)


def counted(make: Callable[[int], bytes], begin: int = 0) -> Frames:
    return lambda _: map(make, itertools.count(begin))


def in_order(size: int) -> Frames:
    """One request, and its data in frames of `size` bytes."""

    def frames(_: LinkQuic) -> Iterator[bytes]:
        first = REQUEST + ENDLESS_DATA
        yield stream(0, 0, first)
        for offset in itertools.count(len(first), size):
            yield stream(0, offset, bytes(size))

    return frames


def with_gaps(_: LinkQuic) -> Iterator[bytes]:
    yield stream(0, 0, REQUEST)
    for offset in itertools.count(len(REQUEST) + 1, 2):
        yield stream(0, offset, b"x")


def http_frames(frame: bytes, *, before: bytes = REQUEST, stream_id: int = 0) -> Frames:
    """Small frames of HTTP/3 in large frames of QUIC."""

    def frames(quic: LinkQuic) -> Iterator[bytes]:
        offset = _sent(quic, stream_id) if stream_id in quic._streams else 0
        if before:
            yield stream(stream_id, offset, before)
        many = frame * (_FULL // 2 // len(frame))
        for place in itertools.count(offset + len(before), len(many)):
            yield stream(stream_id, place, many)

    return frames


def header_fields(_: LinkQuic) -> Iterator[bytes]:
    """A byte that stands for a field, as often as it fits."""
    block = b"\x00\x00\xcf\x50\x0aecho.test:"
    frame = encode_frame(FrameType.HEADERS, block + b"\xdd" * (HEADERS_MAX - len(block)))
    for number in range(100):
        yield stream(4 * number, 0, frame)
    yield from itertools.repeat(b"\x01")


def unidirectional(_: LinkQuic) -> Iterator[bytes]:
    ids = [14 + 4 * number for number in range(120)]
    for one in ids:
        yield stream(one, 0, b"\x21")
    for offset in itertools.count(1):
        for one in ids:
            yield stream(one, offset, b"x")


def opened_and_reset(_: LinkQuic) -> Iterator[bytes]:
    for number in range(128):
        one = varint(4 * number)
        yield stream(4 * number, 0, REQUEST)
        yield b"\x04" + one + varint(0) + varint(len(REQUEST))
        yield b"\x05" + one + varint(0)
    yield from itertools.repeat(b"\x05\x00\x00")


def retired(_: LinkQuic) -> Iterator[bytes]:
    for number in itertools.count(1):
        yield b"\x19" + varint(number)


def new_ids(retire: Callable[[int], int]) -> Frames:
    def frame(number: int) -> bytes:
        return b"\x18" + varint(number) + varint(retire(number)) + b"\x08" + number.to_bytes(8, "big") + bytes(16)

    return counted(frame, 8)


STREAM_IDS = 128
FLOODS: dict[str, Frames] = {
    "padding": repeated(bytes(_FULL)),
    "padding between pings": repeated(bytes(24) + b"\x01"),
    "ping": repeated(b"\x01"),
    "ack, again and again": repeated(b"\x02" + varint(1) + b"\x00\x00" + varint(1)),
    "ack, ecn": repeated(b"\x03" + varint(1) + b"\x00\x00" + varint(1) + b"\x00\x00\x00"),
    "ack of what was never sent": repeated(b"\x02" + varint(2**30) + b"\x00\x00" + varint(2**30)),
    "ack with many ranges": repeated(b"\x02" + varint(9_000) + b"\x00" + varint(4_000) + bytes(8_001)),
    "reset_stream": counted(lambda n: b"\x04" + varint(4 * (n % STREAM_IDS)) + b"\x00\x00"),
    "stop_sending": counted(lambda n: b"\x05" + varint(4 * (n % STREAM_IDS)) + b"\x00"),
    "crypto, old": repeated(b"\x06\x00\x01x"),
    "crypto, with gaps": counted(lambda n: b"\x06" + varint(2_000 + 2 * n) + b"\x01x"),
    "crypto, one endless message": counted(lambda n: b"\x06" + varint(n) + b"\x01\x01"),
    "new_token": repeated(b"\x07\x01x"),
    "stream, as an honest one": in_order(_FULL - 20),
    "stream, byte by byte": in_order(1),
    "stream, the same byte": lambda q: itertools.chain([stream(0, 0, REQUEST)], itertools.repeat(stream(0, 0, b"x"))),
    "stream, with gaps": with_gaps,
    "streams, far out": counted(lambda n: stream(4 * (n % STREAM_IDS), 100_000, b"x")),
    "streams, opened and reset": opened_and_reset,
    "streams, unidirectional": unidirectional,
    "max_data": counted(lambda n: b"\x10" + varint(10**9 + n)),
    "max_stream_data": counted(lambda n: b"\x11" + varint(4 * (n % STREAM_IDS)) + varint(10**9 + n)),
    "max_streams_bidi": counted(lambda n: b"\x12" + varint(200 + n)),
    "max_streams_uni": counted(lambda n: b"\x13" + varint(200 + n)),
    "data_blocked": counted(lambda n: b"\x14" + varint(n)),
    "stream_data_blocked": counted(lambda n: b"\x15" + varint(4 * (n % STREAM_IDS)) + b"\x01"),
    "streams_blocked_bidi": repeated(b"\x16\x01"),
    "streams_blocked_uni": repeated(b"\x17\x01"),
    "new_connection_id": new_ids(lambda _: 0),
    "new_connection_id, retiring": new_ids(lambda number: number),
    "retire_connection_id": retired,
    "path_challenge": repeated(b"\x1a" + bytes(8)),
    "path_response": repeated(b"\x1b" + bytes(8)),
    "handshake_done": repeated(b"\x1e"),
    "datagram": repeated(b"\x31\x01x"),
    "http/3: data, byte by byte": http_frames(b"\x00\x01x"),
    "http/3: data, empty": http_frames(b"\x00\x00"),
    "http/3: data in long numbers": http_frames(b"\x40\x00\x40\x01x"),
    "http/3: unknown frames": http_frames(b"\x21\x00"),
    "http/3: unknown frames, control stream": http_frames(b"\x21\x00", before=b"", stream_id=_CONTROL),
    "http/3: goaway": http_frames(b"\x07\x01\x00", before=b"", stream_id=_CONTROL),
    "http/3: max_push_id": http_frames(b"\x0d\x01\x3f", before=b"", stream_id=_CONTROL),
    "http/3: fields": header_fields,
    "qpack: cancelled streams": http_frames(b"\x41", before=b"", stream_id=_DECODER),
    "qpack: capacities": http_frames(b"\x20", before=b"", stream_id=_ENCODER),
}
"""At least one for each type of frame that RFC 9000 has, and for what HTTP/3 and QPACK have in streams."""
