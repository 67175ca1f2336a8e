"""Packets that come to the STUN server of a host (`broker/stun.py`)."""

from __future__ import annotations

import struct

from aioice import stun

from freespan.broker.settings import StunSettings
from freespan.broker.stun import REQUEST_MAX, RateLimiter, binding_answer
from freespan.doctor.stun_question import mapped_address
from fuzz.fuzz_target import FuzzTarget
from fuzz.script import Script

_SOURCES = (("11.0.0.9", 40_000), ("2a00::1", 1), ("fe80::1%eth0", 65_535), ("2a00:1::2", 0))
_SETTINGS = StunSettings(sources_max=8)
_ID = bytes(range(12))


def _packet(data: bytes) -> None:
    for source in _SOURCES:
        mapped_address(data, _ID)  # what a doctor makes of it, if it comes as an answer
        answer = binding_answer(data, source)
        if answer is not None:
            host, port = source
            assert stun.parse_message(answer).attributes == {"XOR-MAPPED-ADDRESS": (host.partition("%")[0], port)}
            assert len(answer) <= 2.2 * len(data)


def _rates(data: bytes) -> None:
    """Each three bytes: an address, and how much later it asks."""
    script, limiter, now = Script(data), RateLimiter(_SETTINGS), 0.0
    while not script.is_over:
        network, host, later = script.byte(), script.byte(), script.byte()
        now += later / 100
        address = f"2a00:{network:x}::{host:x}" if network % 2 else f"11.0.{network}.{host}"
        limiter.allows(address, now)
    assert len(limiter) <= len(data) // 3 + 1


def _request(*parts: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4) for name, value in parts)
    return struct.pack("!HHI12s", 0x0001, len(body), stun.COOKIE, _ID) + body


def _with_fingerprint() -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, _ID)
    message.add_fingerprint()
    return bytes(message)


TARGETS = (
    FuzzTarget(
        "stun",
        _packet,
        ("freespan.broker.stun",),
        (
            _request(),
            _request((0x8022, b"a browser"), (0xC001, b"")),
            _request((0x0006, b"user:name"), (0x8028, b"abcd")),
            _request((0x0001, b"\x00\x01\x00\x01\x01\x01\x01\x01"), (0x0020, b"\x00\x02" + bytes(18))),
            _with_fingerprint(),
            bytes(20),
        ),
        (
            b"\x00\x01\x00\x00\x21\x12\xa4\x42",
            b"\x80\x22",
            b"\x80\x28\x00\x04",
            b"\x00\x20\x00\x08",
            b"\x00\x08\x00\x14",
        ),
        size_max=REQUEST_MAX + 8,
    ),
    FuzzTarget("stun_rates", _rates, ("freespan.broker.stun",), (bytes(90), bytes(range(90))), size_max=600),
)
