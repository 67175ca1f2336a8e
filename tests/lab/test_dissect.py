"""What can be read in captured packets."""

import ssl
import struct

from aioice import stun
from hypothesis import given
from hypothesis import strategies as some

from lab import capture
from lab.capture import Capture
from lab.dissect.leaks import count_certificates, identifying_words, readable_names
from lab.dissect.stun import read_stun
from lab.dissect.tls import Handshake, read_hello, read_records, tls_messages
from lab.packets import CapturedPacket, Packet
from tests.lab.test_inspector import hello, segment

HERE, THERE = bytes([11, 0, 0, 1]), bytes([11, 0, 0, 2])
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def udp(payload: bytes, leaves: bool = False, port: int = 5000) -> CapturedPacket:
    source, target = (THERE, HERE) if leaves else (HERE, THERE)
    head = struct.pack("!HHHH", port, port, 8 + len(payload), 0)
    return CapturedPacket(1.0, leaves, Packet(source, target, 17, head + payload).bytes())


def tcp(raw: bytes) -> CapturedPacket:
    return CapturedPacket(1.0, False, raw)


def extension(number: int, content: bytes) -> bytes:
    return struct.pack("!HH", number, len(content)) + content


def client_hello() -> bytes:
    extensions = (
        extension(10, b"\x00\x04\x11\xec\x00\x1d")
        + extension(43, b"\x04\xfe\xfc\xfe\xfd")
        + extension(51, b"\x00\x05" + struct.pack("!HH", 4588, 1) + b"x")
    )
    return (
        b"\xfe\xfd" + bytes(32) + b"\x00\x00" + b"\x00\x04\x13\x01\xc0\x2b" + b"\x01\x00"
        + struct.pack("!H", len(extensions)) + extensions
    )  # fmt: skip


def server_hello(random: bytes = bytes(32)) -> bytes:
    extensions = extension(51, b"\x11\xec\x00\x01x") + extension(43, b"\xfe\xfc")
    return b"\xfe\xfd" + random + b"\x00" + b"\x13\x01\x00" + struct.pack("!H", len(extensions)) + extensions


def handshake(kind: int, body: bytes, start: int = 0, end: int | None = None, epoch: int = 0) -> bytes:
    """A DTLS record with one fragment of a message."""
    part = body[start:end]
    fragment = bytes([kind]) + len(body).to_bytes(3, "big") + b"\x00\x00"
    fragment += start.to_bytes(3, "big") + len(part).to_bytes(3, "big") + part
    return b"\x16\xfe\xfd" + struct.pack("!HHIH", epoch, 0, 0, len(fragment)) + fragment


def test_stun_attributes_are_read_in_their_order() -> None:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, bytes(12), {"USERNAME": "abcd:efghijkl"})
    message.attributes["PRIORITY"] = 1
    message.add_message_integrity(b"key")
    read = read_stun(bytes(message))
    assert read is not None
    assert read.names == ["USERNAME", "PRIORITY", "MESSAGE-INTEGRITY", "FINGERPRINT"]
    assert read.user == b"abcd:efghijkl"
    assert read.kind == 1


def test_a_client_hello_in_two_datagrams_is_reassembled() -> None:
    body = client_hello()
    reader = Handshake()
    assert not list(reader.read(read_records(handshake(1, body, 0, 40))))
    [(kind, whole)] = reader.read(read_records(handshake(1, body, 40)))
    found = read_hello(kind, whole, datagrams=True)
    assert found is not None
    assert found.version == "DTLS 1.3"
    assert found.ciphers == ("AES_128_GCM", "ECDHE_ECDSA_AES_128_GCM")
    assert found.extensions == ("supported_groups", "supported_versions", "key_share")
    assert found.groups == ("X25519MLKEM768", "X25519")
    assert found.shares == ("X25519MLKEM768",)


def test_a_server_hello_and_a_hello_retry_request() -> None:
    found = read_hello(2, server_hello(), datagrams=True)
    assert found is not None
    assert (found.version, found.ciphers, found.shares) == ("DTLS 1.3", ("AES_128_GCM",), ("X25519MLKEM768",))
    assert not found.retry
    again = read_hello(2, server_hello(RETRY), datagrams=True)
    assert again is not None
    assert again.retry


def test_encrypted_records_are_distinguished_from_others() -> None:
    assert [record.is_clear for record in read_records(handshake(1, b"x"))] == [True]
    assert [record.is_clear for record in read_records(handshake(1, b"x", epoch=1))] == [False]
    assert [record.is_clear for record in read_records(b"\x2e" + bytes(30))] == [False]


def test_an_unencrypted_certificate_is_found() -> None:
    assert count_certificates([udp(handshake(11, b"certificate"))]) == 1
    assert count_certificates([udp(handshake(11, b"certificate", epoch=2))]) == 0
    message = b"\x0b\x00\x00\x03abc"
    record = b"\x16\x03\x03" + struct.pack("!H", len(message)) + message
    assert count_certificates([tcp(segment(b"", 1000, 0x02)), tcp(segment(record))]) == 1


def test_names_in_tls_and_http_are_read() -> None:
    start = hello("www.example")
    encrypted = b"\x17\x03\x03\x00\x02ab"
    packets = [tcp(segment(b"", 1000, 0x02)), tcp(segment(start[:60])), tcp(segment(start[60:] + encrypted, 1061))]
    packets += [tcp(segment(b"", 1000, 0x02, 80)), tcp(segment(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", port=80))]
    assert readable_names(packets) == {"dns": [], "sni": ["www.example"], "host": ["a.example"]}


def test_words_are_found_in_any_packet() -> None:
    assert identifying_words([udp(b"...CoTURN-4.6..."), udp(b"wRtC")]) == ["coturn"]
    assert identifying_words([udp(b"wrtc")]) == ["wrtc"]
    assert identifying_words([udp(b"a browser's packet")]) == []


def test_a_real_tls_handshake_is_read() -> None:
    [(kind, body)] = tls_messages(hello("www.example"))
    found = read_hello(kind, body, datagrams=False)
    assert found is not None
    assert found.version == ("TLS 1.3" if ssl.HAS_TLSv1_3 else "TLS 1.2")
    assert "server_name" in found.extensions


@given(some.binary(max_size=120))
def test_random_bytes_are_ignored(raw: bytes) -> None:
    read_stun(raw)
    list(Handshake().read(read_records(raw)))
    list(Handshake().read(read_records(handshake(1, raw)[: 20 + len(raw)])))
    for kind in (1, 2):
        read_hello(kind, raw, datagrams=True)
    packets = [udp(raw), tcp(raw)]
    assert readable_names(packets)["sni"] == []
    assert count_certificates([udp(raw)]) == 0


def test_a_capture_is_bounded() -> None:
    taken = Capture()
    for _ in range(capture.PACKETS_MAX + 5):
        taken.add(CapturedPacket(0.0, False, b""))
    assert (len(taken.packets), taken.missed) == (capture.PACKETS_MAX, 5)
    taken = Capture()
    taken.add(CapturedPacket(0.0, False, bytes(capture.BYTES_MAX)))
    taken.add(CapturedPacket(0.0, False, b"x"))
    assert (len(taken.packets), taken.missed) == (1, 1)
