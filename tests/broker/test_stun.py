"""What a STUN server answers, to whom, and how often; without a socket."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.settings import StunSettings
from freespan.broker.stun import REQUEST_MAX, RateLimiter, binding_answer

SOURCE = ("11.0.0.9", 40_000)
ID = bytes(range(12))
SETTINGS = StunSettings()

sources = st.tuples(st.ip_addresses().map(str), st.integers(0, 65_535))
attributes = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=6)


def request(*parts: tuple[int, bytes], kind: int = 0x0001, cookie: int = stun.COOKIE, body: bytes = b"") -> bytes:
    body += b"".join(struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4) for name, value in parts)
    return struct.pack("!HHI12s", kind, len(body), cookie, ID) + body


def with_fingerprint() -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, ID)
    message.add_fingerprint()
    return bytes(message)


@given(sources)
def test_the_answer_is_the_source_and_nothing_else(source: tuple[str, int]) -> None:
    answer = binding_answer(request(), source)
    assert answer is not None
    message = stun.parse_message(answer)
    assert (message.message_method, message.message_class) == (stun.Method.BINDING, stun.Class.RESPONSE)
    assert message.transaction_id == ID
    assert message.attributes == {"XOR-MAPPED-ADDRESS": source}
    version = ipaddress.ip_address(source[0]).version
    assert len(answer) == {4: 32, 6: 44}[version]


def test_a_scope_is_not_part_of_an_address() -> None:
    answer = binding_answer(request(), ("fe80::1%eth0", 4_000))
    assert answer is not None
    assert stun.parse_message(answer).attributes == {"XOR-MAPPED-ADDRESS": ("fe80::1", 4_000)}


@pytest.mark.parametrize(
    "packet",
    [
        request((0x8022, b"a browser"), (0xC001, b""), (0xFFFF, b"123")),
        with_fingerprint(),
        request((0x9000, bytes(REQUEST_MAX - 24))),
    ],
    ids=["optional attributes", "fingerprint", "as long as may be"],
)
def test_attributes_that_need_not_be_understood_are_skipped(packet: bytes) -> None:
    assert binding_answer(packet, SOURCE) == binding_answer(request(), SOURCE) is not None


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x00\x01",
        b"GET / HTTP/1.1\r\n\r\n",
        request()[:19],
        request() + b"\x00",
        request() + bytes(4),
        request(cookie=0),  # RFC 3489
        request(kind=0x0101),
        request(kind=0x0111),
        request(kind=0x0011),
        request(kind=0x0003),
        request(kind=0x4001),
        request(kind=0x8001),
        request((0x0003, bytes(4))),
        request((0x0006, b"user")),
        request((0x0026, bytes(40))),
        request((0x7FFF, b"")),
        request(body=struct.pack("!HH", 0x8022, 9) + b"abcd"),
        request(body=bytes(2)),
        request(body=b"\x80"),
        request((0x8022, b"\xff\xfe")),
        request((0x8028, b"abcd")),
        request((0x8028, b"ab")),
        request((0x8029, b"")),
        request((0x9000, bytes(REQUEST_MAX - 23))),
    ],
    ids=lambda packet: packet.hex()[:64] or "nothing",
)
def test_everything_else_is_ignored(packet: bytes) -> None:
    assert binding_answer(packet, SOURCE) is None


@given(
    st.binary(max_size=80)
    | st.builds(request, kind=st.integers(0, 0xFFFF))
    | attributes.map(lambda parts: request(*parts))
    | st.binary(max_size=60).map(lambda body: request(body=body))
    | st.tuples(attributes, st.integers(0, 200)).map(lambda both: request(*both[0])[: both[1]]),
    sources,
)
def test_any_bytes_get_a_short_answer_or_none(packet: bytes, source: tuple[str, int]) -> None:
    answer = binding_answer(packet, source)
    if answer is not None:
        assert stun.parse_message(answer).attributes == {"XOR-MAPPED-ADDRESS": source}
        assert len(answer) <= 2.2 * len(packet)


# --- how often ---------------------------------------------------------------------------------


def answered(limiter: RateLimiter, address: str, now: float, count: int = 10 * SETTINGS.burst) -> int:
    return sum(limiter.allows(address, now) for _ in range(count))


def test_an_address_gets_a_burst_and_then_so_much_a_second() -> None:
    limiter = RateLimiter()
    assert answered(limiter, "11.0.0.1", 100.0) == SETTINGS.burst
    assert answered(limiter, "11.0.0.1", 101.0) == SETTINGS.answers_per_second
    assert answered(limiter, "11.0.0.1", 101.0) == 0
    assert answered(limiter, "11.0.0.1", 10_000.0) == SETTINGS.burst


def test_each_address_has_its_own_and_each_network_of_ipv6() -> None:
    limiter = RateLimiter()
    answered(limiter, "11.0.0.1", 0.0)
    answered(limiter, "2d00:1::1", 0.0)
    assert limiter.allows("11.0.0.2", 0.0)
    assert limiter.allows("2d00:1:0:1::1", 0.0)
    assert limiter.allows("::11.0.0.1", 0.0)
    assert not limiter.allows("2d00:1::ffff:1", 0.0)


def test_the_table_is_capped_and_forgets_the_one_that_was_answered_longest_ago() -> None:
    limiter = RateLimiter()
    answered(limiter, "11.0.0.1", 0.0)
    answered(limiter, "11.0.0.2", 0.0)
    limiter.allows("11.0.0.1", 0.125)
    for number in range(SETTINGS.sources_max - 1):
        assert limiter.allows(str(ipaddress.IPv4Address(number)), 0.125)
    assert len(limiter) == SETTINGS.sources_max
    assert answered(limiter, "11.0.0.1", 0.125) == SETTINGS.answers_per_second // 8 - 1
    assert answered(limiter, "11.0.0.2", 0.125) == SETTINGS.burst
