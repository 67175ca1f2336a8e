"""What comes out of a bond: QUIC packets, and HTTP/3 in their streams (`tunnel`)."""

from __future__ import annotations

import asyncio

from aioquic.buffer import encode_uint_var
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.events import ConnectionTerminated, QuicEvent

from freespan.tunnel.quic import PEER, LinkQuic, server_quic
from freespan.wire.errors import TunnelError
from freespan.wire.limits import MESSAGE_MAX
from fuzz.connections import IDENTITY, SETTINGS, connected, first_flight
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
            if flags & 64:
                peer.change_keys()
            peer.receive(
                payload * 64 if flags & 1 and len(payload) <= _SHORT else payload, skipped=3 if flags & 32 else 0
            )
        if flags & 2:
            _drain(peer.quic)
        if flags & 4:
            peer.send()
        if flags & 8:
            peer.wait(0.2 if flags & 16 else 30)
    peer.receive(b"\x01")
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
_TICKET = b"\x04\x00\x00\x1e" + bytes(8) + b"\x01\x00\x00\x08freespan" + b"\x00\x08\x00\x2a\x00\x04\xff\xff\xff\xff"
_LONG = b"\xc1\x00\x00\x00\x01\x08" + bytes(8) + b"\x08" + bytes(8) + b"\x00\x14" + bytes(20)
_QUIC_SEEDS = (
    b"\x82" + piece(_LONG) + b"\x82" + piece(_LONG * 9) + b"\x82" + piece(_LONG[:9]) + b"\x82" + piece(b""),
    b"".join(b"\x06" + piece(b"\x06" + encode_uint_var(34 * at) + b"\x22" + _TICKET) for at in range(6)),
    b"".join(b"\x1c" + piece(b"\x01") for _ in range(90)),
    b"\x02" + piece(b"".join(bytes((0x0E, 4 * one)) + b"\x80\x07\xa1\x20\x01A" for one in range(10))),
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
    (b"\x46" + piece(b"\x01")) * 12,
    b"\x02"
    + piece(b"\x0e\x00\x84\x00\x00\x00\x01A")
    + b"\x02"
    + piece(b"\x0e\x00\xc0\x00\x00\x00\x7f\x00\x00\x00\x01A"),
)

TARGETS = (
    *(
        FuzzTarget(
            f"quic_{'client' if is_client else 'egress'}",
            lambda data, is_client=is_client: _packets(data, is_client=is_client),  # type: ignore[misc]
            (f"{_TUNNEL}bounded_quic",),
            tuple(kind + seed for seed in _QUIC_SEEDS for kind in (b"\x00", b"\x01")),
            _FRAMES,
            size_max=250,
        )
        for is_client in (False, True)
    ),
    FuzzTarget(
        "quic_first",
        _first_datagram,
        (f"{_TUNNEL}bounded_quic",),
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
)
