"""DNS queries and answers, byte by byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab import dns

NAMES = {"news.example": ("11.0.2.10", "2d00:2::10")}


def query(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\x12\x34\x01\x00" + struct.pack("!HHHH", 1, 0, 0, 0) + labels + b"\x00" + struct.pack("!HH", kind, 1)


@pytest.mark.parametrize(
    ("name", "kind", "code", "last"),
    [
        ("news.example", 1, 0, bytes([11, 0, 2, 10])),
        ("NEWS.example", 28, 0, bytes.fromhex("2d000002000000000000000000000010")),
        ("other.example", 1, 3, b"\x00\x01\x00\x01"),
    ],
)
def test_answers(name: str, kind: int, code: int, last: bytes) -> None:
    answer = dns.answer(query(name, kind), NAMES)
    assert answer is not None
    assert answer[:2] == b"\x12\x34"
    assert answer[3] & 15 == code
    assert answer.endswith(last)


@given(some.binary(max_size=100))
def test_random_bytes_are_not_a_query(packet: bytes) -> None:
    answer = dns.answer(packet, NAMES)
    assert answer is None or answer[:2] == packet[:2]
