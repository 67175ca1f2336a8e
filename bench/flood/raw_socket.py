"""Sockets of an attacker: plain TCP from a chosen address, and WebSockets (RFC 6455) that cost their sender little."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
ONE_SOURCE = "127.66.0.1"
"""The address of an attacker who has only one."""
_SECONDS = 5.0
_HEAD_MAX = 16_384
_READ = 65_536
_NO_LINGER = struct.pack("ii", 1, 0)
_NO_MASK = bytes(4)
"""A mask of zeros is a valid mask, and leaves the payload as it is."""


def source(number: int) -> str:
    """Return the address of one of many attackers; up to 60,000 of them, each /24 has a few hundred at most."""
    return f"127.{100 + number % 120}.{number // 120 % 250}.{1 + number // 30_000}"


@dataclass
class Tally:
    """What an attacker has done. Threads add to it."""

    opened: int = 0
    refused: int = 0
    sent: int = 0
    sent_bytes: int = 0
    learned: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, opened: int = 0, refused: int = 0, sent: int = 0, sent_bytes: int = 0) -> None:
        """Add to the counts."""
        with self._lock:
            self.opened += opened
            self.refused += refused
            self.sent += sent
            self.sent_bytes += sent_bytes


@dataclass(frozen=True)
class Aim:
    """A host under attack: its address, and when the attack ends (by `time.monotonic`)."""

    host: str
    port: int
    path: str
    """The path of the host, without a slash at its end."""
    stun_port: int
    until: float
    sealing_key: bytes = b""
    """What requests for a bridge are sealed to."""
    tally: Tally = field(default_factory=Tally)

    @property
    def goes_on(self) -> bool:
        """Whether the attack is to go on."""
        return time.monotonic() < self.until

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """Return the head of a request to the host."""
        return "\r\n".join((f"{method} {self.path}{path} HTTP/1.1", f"Host: {self.host}", *lines, "", "")).encode()


def connect(aim: Aim, source_address: str, seconds: float = _SECONDS, buffer: int = 0) -> socket.socket:
    """Open a TCP connection from an address; `buffer` is the size of its receive buffer, if that matters."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.settimeout(seconds)
        if buffer:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.bind((source_address, 0))
        opened.connect((aim.host, aim.port))
    except BaseException:
        opened.close()
        raise
    aim.tally.add(opened=1)
    return opened


def cut(opened: socket.socket) -> None:
    """Close a connection at once (RST), so that nothing of it remains in this machine's tables."""
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    opened.close()


class RawConnection:
    """A connection on which little is said."""

    def __init__(self, aim: Aim, source_address: str, first: bytes, buffer: int = 0) -> None:
        self._aim = aim
        self._socket = connect(aim, source_address, buffer=buffer)
        self._socket.setblocking(False)
        self.send_some(first)

    def send_some(self, data: bytes) -> None:
        """Send what the host takes at once."""
        with contextlib.suppress(BlockingIOError):
            self._aim.tally.add(sent=1, sent_bytes=self._socket.send(data))

    def cut(self) -> None:
        """Close it without a word."""
        cut(self._socket)


def frame(payload: bytes, opcode: int = BINARY, *, final: bool = True) -> bytes:
    """Return a WebSocket frame of a client."""
    first = (0x80 if final else 0) | opcode
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + _NO_MASK + payload


class RawWebSocket:
    """A WebSocket to the host. It raises `OSError` when the host has closed it, or takes nothing for a while."""

    def __init__(
        self, aim: Aim, path: str, source_address: str = ONE_SOURCE, first: bytes = b"", buffer: int = 0
    ) -> None:
        """Open it, and send `first` (frames) together with the request for it."""
        self._aim = aim
        self._received = b""
        self._is_open = False
        self.socket = connect(aim, source_address, buffer=buffer)
        head = aim.head(
            "GET",
            path,
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version: 13",
        )
        self.send_raw(head + first)

    def send_raw(self, data: bytes, count: int = 1) -> None:
        """Send bytes, which hold `count` messages."""
        self.socket.sendall(data)
        self._aim.tally.add(sent=count, sent_bytes=len(data))

    def send(self, payload: bytes, opcode: int = BINARY) -> None:
        """Send one message."""
        self.send_raw(frame(payload, opcode))

    def wait_open(self) -> None:
        """Wait until the host has taken it. Raises `OSError` if it does not."""
        while not self._is_open:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if end:
                if not head.startswith(b"HTTP/1.1 101"):
                    self._aim.tally.add(refused=1)
                    raise ConnectionRefusedError("the host does not take the link")
                self._is_open, self._received = True, rest
            else:
                self._read()

    def receive(self) -> tuple[int, bytes]:
        """Return the next frame: its opcode and payload. Raises `OSError` when none comes."""
        self.wait_open()
        while (found := parsed_frame(self._received)) is None:
            self._read()
        opcode, payload, size = found
        self._received = self._received[size:]
        if opcode == CLOSE:
            self._aim.tally.add(refused=1)
            raise ConnectionResetError("the host has closed the link")
        return opcode, payload

    def waiting(self) -> Iterator[tuple[int, bytes]]:
        """Yield the frames that have come, and do not wait for more. Raises `OSError` when the host has closed it."""
        self.socket.setblocking(False)
        try:
            self._read()
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(_SECONDS)
        self.wait_open()
        while parsed_frame(self._received) is not None:
            yield self.receive()

    def drop_waiting(self) -> None:
        """Drop what has come. Raises `OSError` when the host has closed it."""
        for _ in self.waiting():
            pass

    def cut(self) -> None:
        """Close it without a word."""
        cut(self.socket)

    def _read(self) -> None:
        data = self.socket.recv(_READ)
        if not data:
            self._aim.tally.add(refused=1)
            raise ConnectionResetError("the host has closed the connection")
        self._received += data


def parsed_frame(data: bytes) -> tuple[int, bytes, int] | None:
    """Return opcode, payload and whole size of the first frame; None while it is incomplete."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(data[2:10], "big"), 10
    if len(data) < at + size:
        return None
    return data[0] & 0x0F, data[at : at + size], at + size


def answer_of(opened: socket.socket) -> tuple[int, bytes]:
    """Read one HTTP response with a Content-Length; returns status and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(opened)
        if len(data) > _HEAD_MAX:
            raise ConnectionError("the head is too long")
    head, _, body = data.partition(b"\r\n\r\n")
    lines = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    size = int(lines.get(b"content-length", b"0"))
    while len(body) < size:
        body += _some(opened)
    return int(head[9:12]), body


def _some(opened: socket.socket) -> bytes:
    data = opened.recv(_READ)
    if not data:
        raise ConnectionResetError("the host has closed the connection")
    return data
