"""What the censor's inspector sends in place of packets."""

import socket
import ssl
import struct

from hypothesis import given
from hypothesis import strategies as some

from lab.censor import NameRules
from lab.inspector import Inspector
from lab.packets import Packet
from tests.lab.test_dns import query

READER, SITE = socket.inet_aton("11.1.0.2"), socket.inet_aton("11.0.3.10")


def inspector() -> Inspector:
    return Inspector(NameRules({"blocked.example": "11.9.9.9"}, ("blocked.example",), ("blocked.example",)))


def segment(payload: bytes, sequence: int = 1001, flags: int = 0x18, port: int = 443) -> bytes:
    head = struct.pack("!HHIIBBHHH", 50_000, port, sequence, 77, 5 << 4, flags, 1000, 0, 0)
    return Packet(READER, SITE, 6, head + payload).bytes()


def hello(name: str) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def inspect_all(payload: bytes, cut_at: int = 0) -> list[list[bytes]]:
    """What comes out for each packet of a connection that begins with `payload`, perhaps in two pieces."""
    inspecting = inspector()
    pieces = [payload[:cut_at], payload[cut_at:]] if cut_at else [payload]
    out, sequence = [inspecting.inspect(segment(b"", 1000, 0x02))], 1001
    for piece in pieces:
        out.append(inspecting.inspect(segment(piece, sequence)))
        sequence += len(piece)
    return out


def is_reset(packet: bytes) -> bool:
    parsed = Packet.parse(packet)
    return parsed is not None and bool(parsed.segment[13] & 0x04)


def test_a_blocked_name_causes_two_resets() -> None:
    *before, last = inspect_all(hello("www.blocked.example"))
    assert before == [[segment(b"", 1000, 0x02)]]
    assert len(last) == 2
    assert all(map(is_reset, last))
    assert {Packet.parse(each).target for each in last} == {READER, SITE}  # type: ignore[union-attr]


def test_a_name_that_spans_two_packets_is_read() -> None:
    assert all(map(is_reset, inspect_all(hello("blocked.example"), cut_at=60)[-1]))


def test_other_names_pass_unchanged() -> None:
    start = hello("news.example")
    assert inspect_all(start)[-1] == [segment(start)]


def test_host_header() -> None:
    request = b"GET / HTTP/1.1\r\nHost: blocked.example\r\n\r\n"
    assert all(map(is_reset, inspect_all(request)[-1]))


def test_further_packets_of_a_reset_connection_are_dropped() -> None:
    inspecting = inspector()
    inspecting.inspect(segment(b"", 1000, 0x02))
    start = hello("blocked.example")
    inspecting.inspect(segment(start))
    assert inspecting.inspect(segment(start)) == []


def test_a_forged_answer_goes_back_to_the_sender_of_the_query() -> None:
    asked = query("blocked.example")
    packet = Packet(READER, SITE, 17, struct.pack("!HHHH", 5353, 53, 8 + len(asked), 0) + asked).bytes()
    [forged] = [Packet.parse(each) for each in inspector().inspect(packet)]
    assert forged is not None
    assert (forged.source, forged.target) == (SITE, READER)
    assert forged.segment.endswith(socket.inet_aton("11.9.9.9"))


@given(some.binary(max_size=200))
def test_random_bytes_pass(raw: bytes) -> None:
    assert inspector().inspect(raw) == [raw]
