"""QUIC frames (RFC 9000 section 19) as an attacker writes them, in payloads that fill a datagram. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from freespan.wire.limits import DATAGRAM_SIZE

PAYLOAD_MAX = DATAGRAM_SIZE - 64
"""What a datagram takes beside its head and its tag, with some room."""
STREAM_WINDOW = 512 * 1024
"""The first flow control window of a stream."""
_FRAGMENTS = 40_000
_MANY_STREAMS = 190
"""Streams whose first windows fill the window of a session."""


def varint(value: int) -> bytes:
    """Return a variable-length integer (RFC 9000 section 16)."""
    for size, mark in ((1, 0x00), (2, 0x40), (4, 0x80), (8, 0xC0)):
        if value < 1 << (8 * size - 2):
            data = bytearray(value.to_bytes(size, "big"))
            data[0] |= mark
            return bytes(data)
    raise ValueError(value)


def stream(stream_id: int, offset: int, data: bytes) -> bytes:
    """Return a STREAM frame with offset and length."""
    return b"\x0e" + varint(stream_id) + varint(offset) + varint(len(data)) + data


def payloads(frames: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    """Fill datagrams with frames; yields each payload and how many frames are in it."""
    held: list[bytes] = []
    size = 0
    for one in frames:
        if size + len(one) > PAYLOAD_MAX:
            yield b"".join(held), len(held)
            held, size = [], 0
        held.append(one)
        size += len(one)
    if held:
        yield b"".join(held), len(held)


# --- what an attacker sends in a session: each is an endless or a long series of frames ------------------------------


def fragments() -> Iterator[bytes]:
    """One byte at every second offset of a stream, so that no two of them touch."""
    for index in range(_FRAGMENTS):
        yield stream(2, 1 + 2 * index, b"\x21")


def fragments_from_behind() -> Iterator[bytes]:
    """The same, the last one first."""
    for index in range(_FRAGMENTS, 0, -1):
        yield stream(2, 2 * index, b"\x21")


def fragments_of_many_streams() -> Iterator[bytes]:
    """The same in many streams in turn."""
    for index in range(_FRAGMENTS):
        yield stream(2 + 4 * (index % 60), 1 + 2 * (index // 60), b"\x21")


def single_bytes() -> Iterator[bytes]:
    """One byte after another, in order, in a stream of a kind that HTTP/3 ignores."""
    yield stream(2, 0, varint(0x21))
    for offset in range(1, STREAM_WINDOW):
        yield stream(2, offset, b"!")


def repeated_bytes() -> Iterator[bytes]:
    """The same byte again and again."""
    while True:
        yield stream(2, 0, b"\x21")


def crypto_fragments() -> Iterator[bytes]:
    """One byte of TLS at every second offset."""
    for index in range(_FRAGMENTS):
        yield b"\x06" + varint(1 + 2 * index) + b"\x01!"


def pings() -> Iterator[bytes]:
    """PINGs."""
    while True:
        yield b"\x01"


def acks() -> Iterator[bytes]:
    """ACKs of many ranges of packets that were never sent, or were acknowledged before."""
    ranges = 2_000
    while True:
        yield b"\x02" + varint(2 * ranges + 2) + varint(0) + varint(ranges) + varint(0) + b"\0\0" * ranges


def short_acks() -> Iterator[bytes]:
    """ACKs of one packet."""
    while True:
        yield b"\x02\0\0\0\0"


def resets() -> Iterator[bytes]:
    """One stream after another is opened, reset, and stopped."""
    stream_id = 0
    while True:
        yield b"\x04" + varint(stream_id) + b"\0\0" + b"\x05" + varint(stream_id) + b"\0"
        stream_id = (stream_id + 4) % 512


def limits() -> Iterator[bytes]:
    """Frames of flow control."""
    while True:
        yield b"\x10" + varint(1 << 40) + b"\x14" + varint(1 << 20) + b"\x12" + varint(1 << 20)


def connection_ids() -> Iterator[bytes]:
    """New connection ids, each of which retires those before it."""
    sequence = 1
    while True:
        yield b"\x18" + varint(sequence) + varint(sequence) + b"\x08" + sequence.to_bytes(8, "big") + bytes(16)
        sequence += 1


def path_challenges() -> Iterator[bytes]:
    """Each of them asks for an answer."""
    number = 0
    while True:
        yield b"\x1a" + number.to_bytes(8, "big")
        number += 1


def far_offsets() -> Iterator[bytes]:
    """One byte at the end of the window of each stream that fits into the window of the session."""
    for index in range(_MANY_STREAMS):
        stream_id = 4 * index if index < 100 else 2 + 4 * (index - 100)
        yield stream(stream_id, STREAM_WINDOW - 1, b"!")
