"""Bridges and readers of a broker, by plain sockets, so that their own cost is small: `python -m bench.broker_load`.

It obeys lines on standard input, each with one event as its answer:

    join PORT PATH N                    N bridges connect, and answer every offer from then on
    open PORT PATH KEY RATE SECONDS     rendezvous at a fixed rate; a request that is late counts from when it was due
    closed PORT PATH KEY N SECONDS      N readers, each of whom asks again as soon as they have their answer
    vanish PORT PATH KEY RATE SECONDS   the same as `open`, and in the middle all bridges go without a word

Requests are sealed to KEY, 64 hexadecimal digits, or to nobody if it is `-`.

Every bridge and every connection of a reader has an address, and nearly always a network, of its own in 127.0.0.0/8.
"""

from __future__ import annotations

import json
import random
import select
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from bench.flood.raw_socket import CLOSE, PING, PONG, TEXT, frame, parsed_frame
from bench.helper_io import emit
from freespan.api.open_files import raise_open_files_limit
from freespan.sealing.replies import new_reply_key
from freespan.sealing.requests import open_answer, seal_request
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import PROTOCOL_VERSION, RENDEZVOUS_STEPS
from freespan.wire.messages import RendezvousRequest, encode, problem_in
from freespan.wire.network import Network
from freespan.wire.sealed_request import SealedRequest

NO_KEY = "-"
"""Stands for the key of a host that opens nothing."""
_READERS = 256
"""Connections of an open loop; each is kept alive."""
_JOINING = 64
"""Bridges that are being connected at a time."""
_BUFFER = 65_536
_TAIL_SECONDS = 5.0
"""How long the last answers of a measurement may take."""

_CANDIDATES = (
    "a=candidate:1 1 udp 2122260223 192.168.178.21 50000 typ host",
    "a=candidate:2 1 udp 1686052607 {address} 50001 typ srflx raddr 192.168.178.21 rport 50000",
    "a=candidate:3 1 tcp 1518280447 192.168.178.21 9 typ host tcptype active",
)
_PLACEHOLDER = "20.100.100.100"


def description(setup: str) -> str:
    """Return a description as a browser writes it."""
    lines = (
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
        "m=application 50001 UDP/DTLS/SCTP webrtc-datachannel",
        f"c=IN IP4 {_PLACEHOLDER}",
        *(line.format(address=_PLACEHOLDER) for line in _CANDIDATES),
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=ice-options:trickle",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        f"a=setup:{setup}",
        "a=mid:0",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
    )
    return "".join(f"{line}\r\n" for line in lines)


_ANSWER = json.dumps(description("active")).encode()
_MESSAGE = encode(RendezvousRequest(PROTOCOL_VERSION, description("actpass"), Network("cone"))).encode()


@dataclass(frozen=True)
class Asked:
    """The whole request of a reader, and what opens its answer; nothing does at a host that seals nothing."""

    data: bytes
    reply_key: bytes | None

    def status_of(self, status: int, body: bytes) -> int:
        """What became of it, given the status of HTTP and the body of the response."""
        if self.reply_key is None or status != 200:
            return status
        problem = problem_in(open_answer(self.reply_key, body))
        return 200 if problem is None else problem.status


def length_of(head: bytes) -> int:
    """The length of a body by the head of its response."""
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


def request(path: str, sealing_key: bytes | None) -> Asked:
    """A reader's request. Their outside address is like no other one's, since such addresses have budgets.

    Without a key it is as long, and means nothing.
    """
    outside = f"20.{random.randint(100, 255)}.{random.randint(100, 255)}.{random.randint(100, 255)}"
    message = _MESSAGE.replace(_PLACEHOLDER.encode(), outside.encode())
    asked = SealedRequest(bytes(TOKEN_SIZE), new_reply_key(), message)
    body = bytes(RENDEZVOUS_STEPS[0]) if sealing_key is None else seal_request(sealing_key, asked)
    head = (
        f"POST {path}/v1/rendezvous HTTP/1.1\r\nHost: host.example\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return Asked(head.encode() + body, None if sealing_key is None else asked.reply_key)


def address(number: int) -> str:
    """An address of 127.0.0.0/8; numbers that follow each other are in different networks of 24 bits."""
    return f"127.{1 + number % 251}.{number // 251 % 251}.{1 + number // 63_001 % 250}"


class Poller:
    """Calls a handler for every socket that can be read."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}

    def add(self, connection: socket.socket, handler: Callable[[], None]) -> None:
        self._handlers[connection.fileno()] = handler
        self._epoll.register(connection, select.EPOLLIN)

    def remove(self, connection: socket.socket) -> None:
        self._handlers.pop(connection.fileno(), None)
        self._epoll.unregister(connection)

    def poll(self, seconds: float) -> None:
        """Call the handlers of what can be read, and wait for the first one if there is none."""
        for number, _ in self._epoll.poll(max(0.0, seconds)):
            if handler := self._handlers.get(number):
                handler()


def connect(port: int, source: str) -> socket.socket:
    """Connect from an address of loopback."""
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    connection.setblocking(False)
    return connection


def _arrived(connection: socket.socket, whose: str) -> bytes:
    """What has come, perhaps nothing. Ends the program if the broker has closed the connection."""
    try:
        data = connection.recv(_BUFFER)
    except BlockingIOError:
        return b""
    if not data:
        raise SystemExit(f"{whose} was cut off")
    return data


class Bridge:
    """A volunteer who answers every offer at once."""

    def __init__(self, poller: Poller, connection: socket.socket, path: str, on_welcome: Callable[[], None]) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
        self._poller = poller
        self._connection = connection
        self._on_welcome = on_welcome
        self._received = b""
        self._upgraded = False
        poller.add(connection, self._read)
        connection.sendall(
            f"GET {path}/v1/bridge HTTP/1.1\r\nHost: host.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    def vanish(self) -> None:
        """Be gone without a word."""
        self._poller.remove(self._connection)
        self._connection.close()

    def _read(self) -> None:
        self._received += _arrived(self._connection, "a bridge")
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise SystemExit(f"no WebSocket: {head[:60]!r}")
            self._upgraded, self._received = True, rest
            self._connection.sendall(frame(b'{"type":"hello","version":1,"capacity":64}', TEXT))
        while (found := parsed_frame(self._received)) is not None:
            opcode, payload, size = found
            self._received = self._received[size:]
            self._on_frame(opcode, payload)

    def _on_frame(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._connection.sendall(frame(payload, PONG))
        elif opcode == CLOSE:
            raise SystemExit(f"a bridge was closed: {payload!r}")
        elif b'"type":"offer"' in payload:
            name = payload.partition(b'"id":"')[2].partition(b'"')[0]
            self._connection.sendall(frame(b'{"type":"answer","id":"' + name + b'","sdp":' + _ANSWER + b"}", TEXT))
        elif b'"type":"welcome"' in payload:
            self._connection.sendall(frame(b'{"type":"network","ipv4":"cone"}', TEXT))
            self._on_welcome()


class Reader:
    """A connection that is kept alive; `on_answer` is told when a request was due, and the status of its answer."""

    def __init__(
        self,
        poller: Poller,
        connection: socket.socket,
        make_request: Callable[[], Asked],
        on_answer: Callable[[Reader, float, int], None],
    ) -> None:
        self._poller = poller
        self._connection = connection
        self._make_request = make_request
        self._asked = Asked(b"", None)
        self._on_answer = on_answer
        self._received = b""
        self._due = 0.0
        poller.add(connection, self._read)

    def ask(self, due: float) -> None:
        self._due = due
        self._asked = self._make_request()
        self._connection.sendall(self._asked.data)

    def close(self) -> None:
        self._poller.remove(self._connection)
        self._connection.close()

    def _read(self) -> None:
        self._received += _arrived(self._connection, "a reader")
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        if len(body) >= length_of(head):
            self._received = b""
            self._on_answer(self, self._due, self._asked.status_of(int(head[9:12]), body))


class Load:
    """What is joined and asked for; waits are in seconds."""

    def __init__(self) -> None:
        self._poller = Poller()
        self._waits: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._bridges: list[Bridge] = []

    def idle(self) -> None:
        """Answer offers and pings for a moment."""
        self._poller.poll(0.05)

    def join(self, port: int, path: str, count: int) -> None:
        start, joined, begun = time.monotonic(), 0, 0

        def on_welcome() -> None:
            nonlocal joined
            joined += 1

        while joined < count:
            while begun < count and begun - joined < _JOINING:
                connection = connect(port, address(len(self._bridges)))
                self._bridges.append(Bridge(self._poller, connection, path, on_welcome))
                begun += 1
            self._poller.poll(1.0)
        emit({"event": "joined", "seconds": time.monotonic() - start})

    def open(
        self, port: int, path: str, key: bytes | None, rate: float, seconds: float, *, vanish: bool = False
    ) -> None:
        idle: deque[Reader] = deque()
        waiting: deque[float] = deque()

        def on_answer(reader: Reader, due: float, status: int) -> None:
            self._note(due, status)
            if waiting:
                reader.ask(waiting.popleft())
            else:
                idle.append(reader)

        readers = self._readers(_READERS, port, path, key, on_answer)
        idle.extend(readers)
        start = due = time.monotonic()
        end = start + seconds
        sent = 0
        while (now := time.monotonic()) < end + _TAIL_SECONDS:
            if vanish and now > start + seconds / 2:
                vanish = False
                self._vanish()
            while due <= now and due < end:
                if idle:
                    idle.popleft().ask(due)
                else:
                    waiting.append(due)
                sent += 1
                due += random.expovariate(rate)
            if due >= end and len(self._waits) == sent:
                break
            self._poller.poll(min(due if due < end else now + 0.01, now + 0.01) - now)
        self._report(readers, sent, seconds)

    def closed(self, port: int, path: str, key: bytes | None, count: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        sent = count

        def on_answer(reader: Reader, due: float, status: int) -> None:
            nonlocal sent
            self._note(due, status)
            now = time.monotonic()
            if now < end:
                sent += 1
                reader.ask(now)

        readers = self._readers(count, port, path, key, on_answer)
        for reader in readers:
            reader.ask(time.monotonic())
        while len(self._waits) < sent and time.monotonic() < end + _TAIL_SECONDS:
            self._poller.poll(0.01)
        self._report(readers, sent, seconds)

    def _vanish(self) -> None:
        for bridge in self._bridges:
            bridge.vanish()
        self._bridges.clear()
        emit({"event": "vanished"})

    def _readers(
        self,
        count: int,
        port: int,
        path: str,
        key: bytes | None,
        on_answer: Callable[[Reader, float, int], None],
    ) -> list[Reader]:
        self._waits, self._statuses = [], Counter()

        def make_request() -> Asked:
            return request(path, key)

        return [
            Reader(self._poller, connect(port, address(100_000 + number)), make_request, on_answer)
            for number in range(count)
        ]

    def _note(self, due: float, status: int) -> None:
        self._waits.append(time.monotonic() - due)
        self._statuses[status] += 1

    def _report(self, readers: list[Reader], sent: int, seconds: float) -> None:
        for reader in readers:
            reader.close()
        waits = sorted(self._waits)
        emit(
            {
                "event": "measured",
                "sent": sent,
                "statuses": dict(self._statuses),
                "rate": self._statuses[200] / seconds,
                "p50_ms": quantile(waits, 0.5),
                "p99_ms": quantile(waits, 0.99),
                "max_ms": waits[-1] * 1000 if waits else None,
            }
        )


def quantile(waits: list[float], share: float) -> float | None:
    """Of sorted waits in seconds: the one that so large a share of them does not exceed, in milliseconds."""
    return waits[min(len(waits) - 1, int(share * len(waits)))] * 1000 if waits else None


def _key(word: str) -> bytes | None:
    return None if word == NO_KEY else bytes.fromhex(word)


def main() -> None:
    """Obey standard input until its end. Between two lines the bridges still answer pings."""
    raise_open_files_limit()
    load = Load()
    emit({"event": "ready"})
    lines = select.epoll()
    lines.register(sys.stdin, select.EPOLLIN)
    while True:
        load.idle()
        if not lines.poll(0):
            continue
        words = sys.stdin.readline().split()
        match words:
            case []:
                return
            case ["join", port, path, count]:
                load.join(int(port), path, int(count))
            case ["open", port, path, key, rate, seconds]:
                load.open(int(port), path, _key(key), float(rate), float(seconds))
            case ["vanish", port, path, key, rate, seconds]:
                load.open(int(port), path, _key(key), float(rate), float(seconds), vanish=True)
            case ["closed", port, path, key, count, seconds]:
                load.closed(int(port), path, _key(key), int(count), float(seconds))


if __name__ == "__main__":
    main()
