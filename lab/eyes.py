"""What a censor's eyes read in packets: STUN, DTLS, TLS, HTTP and DNS, as far as these are in clear. Pure.

Formats: STUN RFC 8489, DTLS 1.2 RFC 6347 and 1.3 RFC 9147, TLS RFC 8446. Whatever is cut or malformed is nothing, as it
is for a censor who has no time.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from freespan.demo.requested_name import NoNameError, find_name
from lab import dns
from lab.capture import Seen
from lab.inspector import Packet

WORDS = ("freespan", "aiohttp", "python", "aioquic", "aioice", "libwebrtc", "webrtc.org", "coturn", "wrtc", "WRTC")
"""Names of programs and libraries that no clear byte may hold; in any case, but for the short ones at the end."""
_ANY_CASE = 6  # letters; shorter words come up in ciphertext by chance

_TCP, _UDP, _DNS_PORT = 6, 17, 53
_STREAM_MAX = 64 * 1024
_COOKIE = 0x2112A442
_ATTRIBUTES = {
    0x0001: "MAPPED-ADDRESS",
    0x0006: "USERNAME",
    0x0008: "MESSAGE-INTEGRITY",
    0x0009: "ERROR-CODE",
    0x000C: "CHANNEL-NUMBER",
    0x000D: "LIFETIME",
    0x0012: "XOR-PEER-ADDRESS",
    0x0013: "DATA",
    0x0014: "REALM",
    0x0015: "NONCE",
    0x0016: "XOR-RELAYED-ADDRESS",
    0x0019: "REQUESTED-TRANSPORT",
    0x0020: "XOR-MAPPED-ADDRESS",
    0x0024: "PRIORITY",
    0x0025: "USE-CANDIDATE",
    0x8022: "SOFTWARE",
    0x8028: "FINGERPRINT",
    0x8029: "ICE-CONTROLLED",
    0x802A: "ICE-CONTROLLING",
    0xC057: "GOOG-NETWORK-INFO",
    0xC059: "GOOG-MISC-INFO",
}
_VERSIONS = {0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_CIPHERS = {
    0x1301: "AES_128_GCM",
    0x1302: "AES_256_GCM",
    0x1303: "CHACHA20_POLY1305",
    0xC009: "ECDHE_ECDSA_AES_128_CBC_SHA",
    0xC00A: "ECDHE_ECDSA_AES_256_CBC_SHA",
    0xC013: "ECDHE_RSA_AES_128_CBC_SHA",
    0xC014: "ECDHE_RSA_AES_256_CBC_SHA",
    0xC02B: "ECDHE_ECDSA_AES_128_GCM",
    0xC02C: "ECDHE_ECDSA_AES_256_GCM",
    0xC02F: "ECDHE_RSA_AES_128_GCM",
    0xC030: "ECDHE_RSA_AES_256_GCM",
    0xCCA8: "ECDHE_RSA_CHACHA20",
    0xCCA9: "ECDHE_ECDSA_CHACHA20",
    0xC023: "ECDHE_ECDSA_AES_128_CBC_SHA256",
    0xC024: "ECDHE_ECDSA_AES_256_CBC_SHA384",
    0xC027: "ECDHE_RSA_AES_128_CBC_SHA256",
    0xC028: "ECDHE_RSA_AES_256_CBC_SHA384",
    0x0067: "DHE_RSA_AES_128_CBC_SHA256",
    0x006B: "DHE_RSA_AES_256_CBC_SHA256",
    0x009E: "DHE_RSA_AES_128_GCM",
    0x009F: "DHE_RSA_AES_256_GCM",
    0x00FF: "EMPTY_RENEGOTIATION_INFO",
    0x009C: "RSA_AES_128_GCM",
    0x009D: "RSA_AES_256_GCM",
    0x002F: "RSA_AES_128_CBC_SHA",
    0x0035: "RSA_AES_256_CBC_SHA",
}
_EXTENSIONS = {
    0: "server_name",
    5: "status_request",
    10: "supported_groups",
    11: "ec_point_formats",
    13: "signature_algorithms",
    14: "use_srtp",
    16: "alpn",
    18: "signed_certificate_timestamp",
    21: "padding",
    22: "encrypt_then_mac",
    23: "extended_master_secret",
    27: "compress_certificate",
    28: "record_size_limit",
    34: "delegated_credential",
    35: "session_ticket",
    42: "early_data",
    43: "supported_versions",
    44: "cookie",
    45: "psk_key_exchange_modes",
    50: "signature_algorithms_cert",
    51: "key_share",
    17613: "application_settings",
    51764: "trust_anchors",
    65037: "encrypted_client_hello",
    65281: "renegotiation_info",
}
_GROUPS = {23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448", 256: "ffdhe2048", 4588: "X25519MLKEM768"}
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""
_CLIENT_HELLO, _SERVER_HELLO, CERTIFICATE = 1, 2, 11
_HANDSHAKE = 22


# --- packets -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Datagram:
    """A UDP packet; `leaves` as in `Seen`."""

    at: float
    leaves: bool
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes

    @property
    def flow(self) -> frozenset[tuple[str, int]]:
        """Both ends, in no order."""
        return frozenset((self.source, self.target))


def datagrams(packets: Iterable[Seen]) -> Iterator[Datagram]:
    """The UDP packets among some."""
    for seen in packets:
        packet = Packet.parse(seen.raw)
        if packet and packet.protocol == _UDP and len(packet.segment) >= 8:
            source, target = _ends(packet)
            yield Datagram(seen.at, seen.leaves, source, target, packet.segment[8:])


def streams(packets: Iterable[Seen]) -> dict[tuple[tuple[str, int], tuple[str, int]], bytes]:
    """The start of each TCP connection, each direction by itself: (source, target) to bytes in order."""
    starts: dict[tuple[tuple[str, int], tuple[str, int]], bytes] = {}
    expected: dict[tuple[tuple[str, int], tuple[str, int]], int] = {}
    for seen in packets:
        packet = Packet.parse(seen.raw)
        if not packet or packet.protocol != _TCP or len(packet.segment) < 20:
            continue
        segment, key = packet.segment, _ends(packet)
        (sequence,) = struct.unpack_from("!I", segment, 4)
        payload = segment[(segment[12] >> 4) * 4 :]
        if segment[13] & 0x02:
            starts[key], expected[key] = b"", (sequence + 1) & 0xFFFFFFFF
        elif payload and expected.get(key) == sequence and len(starts[key]) < _STREAM_MAX:
            starts[key] += payload
            expected[key] = (sequence + len(payload)) & 0xFFFFFFFF
    return starts


def _ends(packet: Packet) -> tuple[tuple[str, int], tuple[str, int]]:
    source, target = struct.unpack_from("!HH", packet.segment)
    return (str(ipaddress.ip_address(packet.source)), source), (str(ipaddress.ip_address(packet.target)), target)


# --- STUN --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stun:
    """A STUN message."""

    kind: int
    """1 asks (Binding), 0x101 answers; TURN has others."""
    attributes: tuple[tuple[int, int], ...]
    """Number and length, in the order of the message."""
    user: bytes = b""

    @property
    def names(self) -> list[str]:
        """The attributes in words, the lengths of those that vary beside them."""
        return [_word(_ATTRIBUTES, number) for number, _ in self.attributes]


def read_stun(payload: bytes) -> Stun | None:
    """None for what is no STUN."""
    if len(payload) < 20 or payload[0] > 3:
        return None
    kind, length, cookie = struct.unpack_from("!HHI", payload)
    if cookie != _COOKIE or length != len(payload) - 20:
        return None
    attributes, user, at = [], b"", 20
    while at + 4 <= len(payload):
        number, size = struct.unpack_from("!HH", payload, at)
        attributes.append((number, size))
        if number == 0x0006:
            user = payload[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
    return Stun(kind, tuple(attributes), user)


# --- DTLS and TLS ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """A DTLS record."""

    kind: int
    """22 is a handshake, 23 data, 20 to 26 in all; below 64 and above 31 the short header of DTLS 1.3."""
    epoch: int
    body: bytes

    @property
    def is_clear(self) -> bool:
        return self.epoch == 0 and self.kind < 32


@dataclass(frozen=True, slots=True)
class Hello:
    """What a ClientHello or ServerHello shows."""

    retry: bool
    version: str
    """The newest that is offered, or the one that was chosen."""
    ciphers: tuple[str, ...]
    extensions: tuple[str, ...]
    groups: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    """Groups of which a key came along."""
    alpn: tuple[str, ...] = ()


def read_records(payload: bytes) -> list[Record]:
    """The records of one datagram; none where it is no DTLS."""
    records, at = [], 0
    while at < len(payload):
        first = payload[at]
        if first & 0xE0 == 0x20:  # the unified header of DTLS 1.3: what follows is ciphertext
            records.append(Record(first, first & 3, payload[at + 1 :]))
            return records
        if not 20 <= first <= 26 or at + 13 > len(payload) or payload[at + 1] != 0xFE:
            return []
        epoch, length = struct.unpack_from("!H", payload, at + 3)[0], struct.unpack_from("!H", payload, at + 11)[0]
        records.append(Record(first, epoch, payload[at + 13 : at + 13 + length]))
        at += 13 + length
    return records


@dataclass(slots=True)
class Handshake:
    """Puts the clear handshake messages of one direction together."""

    _parts: dict[int, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    _done: set[int] = field(default_factory=set)

    def read(self, records: Iterable[Record]) -> Iterator[tuple[int, bytes]]:
        """Yield (type, body) of each message that has become whole."""
        for record in records:
            if record.kind != _HANDSHAKE or not record.is_clear:
                continue
            at = 0
            while at + 12 <= len(record.body):
                kind, number = record.body[at], struct.unpack_from("!H", record.body, at + 4)[0]
                whole, offset, size = (int.from_bytes(record.body[at + i : at + i + 3], "big") for i in (1, 6, 9))
                parts = self._parts[number]
                parts[offset] = record.body[at + 12 : at + 12 + size]
                body = b"".join(part for _, part in sorted(parts.items()))
                if len(body) == whole and number not in self._done:
                    self._done.add(number)
                    yield kind, body
                at += 12 + size


def read_hello(kind: int, body: bytes, *, datagrams: bool) -> Hello | None:
    """Read a ClientHello (type 1) or a ServerHello (2); of DTLS or of TLS. None for anything else."""
    try:
        if kind == _CLIENT_HELLO:
            return _client_hello(body, datagrams)
        if kind == _SERVER_HELLO:
            return _server_hello(body)
    except (struct.error, IndexError):
        pass
    return None


def tls_messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (type, body) of the clear handshake messages at the start of a TLS stream, one direction of it."""
    clear, at = b"", 0
    while at + 5 <= len(stream) and stream[at] == _HANDSHAKE:
        (length,) = struct.unpack_from("!H", stream, at + 3)
        clear += stream[at + 5 : at + 5 + length]
        at += 5 + length
    at = 0
    while at + 4 <= len(clear):
        length = int.from_bytes(clear[at + 1 : at + 4], "big")
        yield clear[at], clear[at + 4 : at + 4 + length]
        at += 4 + length


def _client_hello(body: bytes, datagrams: bool) -> Hello:
    version, at = struct.unpack_from("!H", body)[0], 34
    at += 1 + body[at]
    if datagrams:
        at += 1 + body[at]  # the cookie of DTLS 1.2
    (length,) = struct.unpack_from("!H", body, at)
    ciphers = _words(body[at + 2 : at + 2 + length], _CIPHERS)
    at += 2 + length
    at += 1 + body[at]
    extensions = dict(_extensions(body, at))
    versions = _numbers(extensions.get(43, b"")[1:])
    newest = (min if datagrams else max)([each for each in versions if each in _VERSIONS] or [version])
    shares, data, at = [], extensions.get(51, b""), 2
    while at + 4 <= len(data):
        group, length = struct.unpack_from("!HH", data, at)
        shares.append(_word(_GROUPS, group))
        at += 4 + length
    groups = _words(extensions.get(10, b"")[2:], _GROUPS)
    alpn = _strings(extensions.get(16, b"")[2:])
    return Hello(False, _word(_VERSIONS, newest), ciphers, _named(extensions), groups, tuple(shares), alpn)


def _server_hello(body: bytes) -> Hello:
    version, at = struct.unpack_from("!H", body)[0], 34
    at += 1 + body[at]
    (cipher,) = struct.unpack_from("!H", body, at)
    extensions = dict(_extensions(body, at + 3))
    chosen = _numbers(extensions.get(43, b"")) or [version]
    shares = _words(extensions.get(51, b"")[:2], _GROUPS)
    retry = body[2:34] == _RETRY
    return Hello(retry, _word(_VERSIONS, chosen[0]), (_word(_CIPHERS, cipher),), _named(extensions), (), shares)


def _extensions(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Number and content, in their order."""
    at += 2
    while at + 4 <= len(body):
        number, length = struct.unpack_from("!HH", body, at)
        yield number, body[at + 4 : at + 4 + length]
        at += 4 + length


def _strings(raw: bytes) -> tuple[str, ...]:
    """Strings with a byte of length before each."""
    found, at = [], 0
    while at < len(raw):
        found.append(raw[at + 1 : at + 1 + raw[at]].decode("ascii", "replace"))
        at += 1 + raw[at]
    return tuple(found)


def _named(extensions: Iterable[int]) -> tuple[str, ...]:
    return tuple(_word(_EXTENSIONS, number) for number in extensions)


def _words(raw: bytes, words: dict[int, str]) -> tuple[str, ...]:
    return tuple(_word(words, number) for number in _numbers(raw))


def _word(words: dict[int, str], number: int) -> str:
    if number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF and number not in words:
        return "GREASE"  # RFC 8701: another one each time
    return words.get(number, f"0x{number:04x}")


def _numbers(raw: bytes) -> list[int]:
    return list(struct.unpack(f"!{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))


# --- names -------------------------------------------------------------------------------------


def names(packets: Sequence[Seen]) -> dict[str, list[str]]:
    """The names that can be read, by where they stand: `dns`, `sni`, `host`."""
    found: dict[str, list[str]] = {"dns": [], "sni": [], "host": []}
    for each in datagrams(packets):
        if each.target[1] == _DNS_PORT and (asked := dns.read_question(each.payload)):
            found["dns"].append(asked[0])
    for start in streams(packets).values():
        try:
            name = find_name(_head(start))
        except NoNameError:
            continue
        if name:
            found[name.source].append(name.name)
    return {where: sorted(set(words)) for where, words in found.items()}


def _head(stream: bytes) -> bytes:
    """The handshake records at the start of a TLS stream; of any other stream everything."""
    at = 0
    while at + 5 <= len(stream) and stream[at] == _HANDSHAKE:
        at += 5 + struct.unpack_from("!H", stream, at + 3)[0]
    return stream[:at] or stream


def certificates(packets: Sequence[Seen]) -> int:
    """How many handshakes show a certificate in clear."""
    count = 0
    directions: dict[tuple[tuple[str, int], tuple[str, int]], Handshake] = defaultdict(Handshake)
    for each in datagrams(packets):
        messages = directions[each.source, each.target].read(read_records(each.payload))
        count += sum(kind == CERTIFICATE for kind, _ in messages)
    for stream in streams(packets).values():
        count += sum(kind == CERTIFICATE for kind, _ in tls_messages(stream))
    return count


def telling_words(packets: Sequence[Seen]) -> list[str]:
    """Those of WORDS that stand in any byte of any packet, clear or not."""
    found = set()
    for seen in packets:
        lower = seen.raw.lower()
        found |= {word for word in WORDS if word.encode() in (lower if len(word) >= _ANY_CASE else seen.raw)}
    return sorted(found)
