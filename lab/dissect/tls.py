"""TLS and DTLS: the records and handshake messages that are not encrypted (RFC 8446, 6347, 9147). Pure."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lab.dissect.iana import CIPHERS, EXTENSIONS, GROUPS, VERSIONS, name_of

CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
HANDSHAKE = 22
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a ServerHello that is a HelloRetryRequest (RFC 8446 section 4.1.3)."""


@dataclass(frozen=True, slots=True)
class Record:
    """A DTLS record."""

    kind: int
    """Content type: 22 is a handshake, 23 application data; 32 to 63 is the first byte of a DTLS 1.3 unified header."""
    epoch: int
    body: bytes

    @property
    def is_clear(self) -> bool:
        """Whether it is not encrypted."""
        return self.epoch == 0 and self.kind < 32


@dataclass(frozen=True, slots=True)
class Hello:
    """What a ClientHello or ServerHello shows."""

    retry: bool
    """Whether it is a HelloRetryRequest."""
    version: str
    """The newest one that is offered, or the one that was chosen."""
    ciphers: tuple[str, ...]
    extensions: tuple[str, ...]
    groups: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    """The groups of its key shares."""
    alpn: tuple[str, ...] = ()


def read_records(payload: bytes) -> list[Record]:
    """Return the records of one datagram; none if it is not DTLS."""
    records, at = [], 0
    while at < len(payload):
        first = payload[at]
        if first & 0xE0 == 0x20:  # the unified header of DTLS 1.3, followed by ciphertext
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
    """Reassembles the unencrypted handshake messages of one direction of DTLS."""

    _parts: dict[int, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    _done: set[int] = field(default_factory=set)

    def read(self, records: Iterable[Record]) -> Iterator[tuple[int, bytes]]:
        """Yield type and body of each message that is complete now."""
        for record in records:
            if record.kind != HANDSHAKE or not record.is_clear:
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
    """Return a ClientHello or a ServerHello; None for anything else.

    Args:
        kind: type of the handshake message.
        body: of the message.
        datagrams: whether it is DTLS.
    """
    try:
        if kind == CLIENT_HELLO:
            return _client_hello(body, datagrams)
        if kind == SERVER_HELLO:
            return _server_hello(body)
    except (struct.error, IndexError):
        pass
    return None


def tls_messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and body of the unencrypted handshake messages at the start of one direction of TLS."""
    clear, at = b"", 0
    while at + 5 <= len(stream) and stream[at] == HANDSHAKE:
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
    ciphers = _names_in(body[at + 2 : at + 2 + length], CIPHERS)
    at += 2 + length
    at += 1 + body[at]
    extensions = dict(_extensions(body, at))
    versions = _numbers(extensions.get(43, b"")[1:])
    newest = (min if datagrams else max)([each for each in versions if each in VERSIONS] or [version])
    shares, data, at = [], extensions.get(51, b""), 2
    while at + 4 <= len(data):
        group, length = struct.unpack_from("!HH", data, at)
        shares.append(name_of(GROUPS, group))
        at += 4 + length
    groups = _names_in(extensions.get(10, b"")[2:], GROUPS)
    alpn = _strings(extensions.get(16, b"")[2:])
    return Hello(False, name_of(VERSIONS, newest), ciphers, _names_of(extensions), groups, tuple(shares), alpn)


def _server_hello(body: bytes) -> Hello:
    version, at = struct.unpack_from("!H", body)[0], 34
    at += 1 + body[at]
    (cipher,) = struct.unpack_from("!H", body, at)
    extensions = dict(_extensions(body, at + 3))
    chosen = _numbers(extensions.get(43, b"")) or [version]
    shares = _names_in(extensions.get(51, b"")[:2], GROUPS)
    retry = body[2:34] == _RETRY
    return Hello(retry, name_of(VERSIONS, chosen[0]), (name_of(CIPHERS, cipher),), _names_of(extensions), (), shares)


def _extensions(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each extension."""
    at += 2
    while at + 4 <= len(body):
        number, length = struct.unpack_from("!HH", body, at)
        yield number, body[at + 4 : at + 4 + length]
        at += 4 + length


def _strings(raw: bytes) -> tuple[str, ...]:
    """Return strings that are each preceded by a byte with their length."""
    found, at = [], 0
    while at < len(raw):
        found.append(raw[at + 1 : at + 1 + raw[at]].decode("ascii", "replace"))
        at += 1 + raw[at]
    return tuple(found)


def _names_of(extensions: Iterable[int]) -> tuple[str, ...]:
    return tuple(name_of(EXTENSIONS, number) for number in extensions)


def _names_in(raw: bytes, registry: dict[int, str]) -> tuple[str, ...]:
    return tuple(name_of(registry, number) for number in _numbers(raw))


def _numbers(raw: bytes) -> list[int]:
    return list(struct.unpack(f"!{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))
