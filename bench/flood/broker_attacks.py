"""Attacks on the broker: rendezvous that hold places, and bridges that are none."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

from bench.flood.raw_socket import (
    ONE_SOURCE,
    PING,
    TEXT,
    Aim,
    RawWebSocket,
    answer_of,
    connect,
    cut,
    frame,
    source,
)
from bench.flood.workers import hold_open, in_threads
from freespan.sealing.replies import new_reply_key
from freespan.sealing.requests import open_answer, seal_request
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import BRIDGE_CAPACITY_MAX, PROTOCOL_VERSION, SIGNAL_MESSAGE_MAX
from freespan.wire.messages import Answer, Hello, Load, Refusal, RendezvousRequest, encode, problem_in
from freespan.wire.sealed_request import SealedRequest

BRIDGE = "/v1/bridge"
_WORKERS = 4
_MANY_BRIDGES = 20_000
_FEW_BRIDGES = 200
_STUN_REQUEST = struct.pack("!HHI", 1, 0, 0x2112A442)

Source = Callable[[int], str]
Reply = Callable[[dict[str, object]], bytes]


def _only_one(_: int) -> str:
    return ONE_SOURCE


# --- requests for a bridge -------------------------------------------------------------------------------
def rendezvous(aim: Aim) -> None:
    """Requests for a bridge, from one address; each answered one holds a place of a volunteer for 15 s."""
    _ask(aim, _only_one)


def rendezvous_from_many(aim: Aim) -> None:
    """The same from many addresses."""
    _ask(aim, source)


def enumeration(aim: Aim) -> None:
    """Requests that avoid all bridges that are known already, to learn the others; 40 more bridges answer."""
    bridges = _Bridges(aim, [source(number) for number in range(40)], _answer)
    bridges.start()
    learned: list[str] = []
    lock = threading.Lock()

    def one(_: int) -> None:
        opened = connect(aim, ONE_SOURCE)
        try:
            while aim.goes_on:
                with lock:
                    avoid = learned[-16:]
                reply_key = new_reply_key()
                opened.sendall(_request(aim, reply_key, avoid))
                answer = _answer_in(answer_of(opened), reply_key)
                aim.tally.add(sent=1, refused=answer is None)
                if answer is not None:
                    name = json.loads(answer).get("bridge", "")
                    with lock:
                        learned.append(name)
                        aim.tally.learned.add(name)
        finally:
            cut(opened)

    in_threads(aim, _WORKERS, one)
    bridges.stop()


def _ask(aim: Aim, source_of: Source) -> None:
    numbers = itertools.count()

    def one(_: int) -> None:
        opened = connect(aim, source_of(next(numbers)))
        try:
            for _ in range(8):
                reply_key = new_reply_key()
                request = _request(aim, reply_key)  # a fresh one: a copy would be answered with what is stored
                opened.sendall(request)
                answer = _answer_in(answer_of(opened), reply_key)
                aim.tally.add(sent=1, sent_bytes=len(request), refused=answer is None)
                if not aim.goes_on:
                    return
        finally:
            cut(opened)

    in_threads(aim, 32, one)


def _request(aim: Aim, reply_key: bytes, avoid: list[str] | None = None) -> bytes:
    message = encode(RendezvousRequest(PROTOCOL_VERSION, _description("actpass"), avoid=avoid or [])).encode()
    body = seal_request(aim.sealing_key, SealedRequest(bytes(TOKEN_SIZE), reply_key, message))
    kind, length = "Content-Type: application/octet-stream", f"Content-Length: {len(body)}"
    return aim.head("POST", "/v1/rendezvous", kind, length) + body


def _answer_in(response: tuple[int, bytes], reply_key: bytes) -> bytes | None:
    """The JSON of an answer; None for a problem."""
    status, body = response
    if status != 200:
        return None
    message = open_answer(reply_key, body)
    return message if problem_in(message) is None else None


# --- bridges -----------------------------------------------------------------------------------------------
def fake_bridges(aim: Aim) -> None:
    """20,000 bridges from one address, with 64 places each."""
    _hold_bridges(aim, _only_one)


def fake_bridges_from_many(aim: Aim) -> None:
    """The same from many addresses."""
    _hold_bridges(aim, source)


def probes(aim: Aim) -> None:
    """Probes of the broker that read nothing."""
    hello = frame(encode(Hello(PROTOCOL_VERSION, 0)).encode(), TEXT)
    _hold_bridges(aim, _only_one, hello)


def silent_signalling(aim: Aim) -> None:
    """WebSockets of bridges that never say hello."""
    _hold_bridges(aim, _only_one, b"")


def refusing_bridges(aim: Aim) -> None:
    """200 bridges that refuse every offer, and requests for a bridge."""
    _with_bridges(aim, _refuse)


def silent_bridges(aim: Aim) -> None:
    """200 bridges that leave every offer unanswered, and requests for a bridge."""
    _with_bridges(aim, lambda offer: b"")


def wrong_answers(aim: Aim) -> None:
    """200 bridges that answer every offer with a description that leads nowhere, and requests for a bridge."""
    _with_bridges(aim, _answer)


def unasked_answers(aim: Aim) -> None:
    """Answers to offers that nobody has made, as long as a message may be."""
    padding = "a=x:" + "x" * 12_000 + "\r\n"
    answer = encode(Answer("nobody", _description("active") + padding)).encode()
    _signal(aim, frame(answer, TEXT) * 4, 4)


def big_messages(aim: Aim) -> None:
    """Messages of a bridge as long as they may be, which say next to nothing."""
    message = encode(Load(0)).encode()
    _signal(aim, frame(message[:-1] + b" " * (SIGNAL_MESSAGE_MAX - len(message)) + b"}", TEXT) * 4, 4)


def loads(aim: Aim) -> None:
    """Reports of a bridge's load, each another one."""
    _signal(aim, b"".join(frame(encode(Load(number % 64)).encode(), TEXT) for number in range(500)), 500)


def signalling_pings(aim: Aim) -> None:
    """PING frames on the WebSocket of a bridge."""
    _signal(aim, frame(bytes(125), PING) * 500, 500)


def endless_message(aim: Aim) -> None:
    """One message of a bridge that is far too long."""
    _signal(aim, frame(b" " * (64 << 20), TEXT), 1)


def vanishing(aim: Aim) -> None:
    """9,000 bridges of many addresses that are gone all at once, while clients ask."""
    hello = frame(encode(Hello(PROTOCOL_VERSION, BRIDGE_CAPACITY_MAX)).encode(), TEXT)
    half = time.monotonic() + (aim.until - time.monotonic()) / 2
    joining = dataclasses.replace(aim, until=half)
    asking = threading.Timer(half - time.monotonic(), _ask, (aim, source))
    asking.daemon = True
    asking.start()
    hold_open(joining, 9_000, 9_000, lambda number: RawWebSocket(joining, BRIDGE, source(number), hello))
    asking.join()


def _hold_bridges(aim: Aim, source_of: Source, first: bytes | None = None) -> None:
    hello = frame(encode(Hello(PROTOCOL_VERSION, BRIDGE_CAPACITY_MAX)).encode(), TEXT) if first is None else first
    hold_open(aim, _MANY_BRIDGES, 15_000, lambda number: RawWebSocket(aim, BRIDGE, source_of(number), hello))


def _signal(aim: Aim, data: bytes, count: int) -> None:
    hello = frame(encode(Hello(PROTOCOL_VERSION, 1)).encode(), TEXT)

    def one(_: int) -> None:
        bridge = RawWebSocket(aim, BRIDGE, ONE_SOURCE, hello)
        try:
            bridge.wait_open()
            while aim.goes_on:
                bridge.send_raw(data, count)
                bridge.drop_waiting()
        finally:
            bridge.cut()

    in_threads(aim, _WORKERS, one)


def _with_bridges(aim: Aim, reply: Reply) -> None:
    bridges = _Bridges(aim, [ONE_SOURCE] * _FEW_BRIDGES, reply)
    bridges.start()
    _ask(aim, _only_one)
    bridges.stop()


def _refuse(offer: dict[str, object]) -> bytes:
    return frame(encode(Refusal(str(offer["id"]), "no")).encode(), TEXT)


def _answer(offer: dict[str, object]) -> bytes:
    return frame(encode(Answer(str(offer["id"]), _description("active"))).encode(), TEXT)


class _Bridges:
    """Bridges that reply to offers, in a thread of their own."""

    def __init__(self, aim: Aim, sources: list[str], reply: Reply) -> None:
        self._aim = aim
        self._sources = sources
        self._reply = reply
        self._selector = selectors.DefaultSelector()
        self._thread = threading.Thread(target=self._run, name="attack-bridges", daemon=True)

    def start(self) -> None:
        """Join the broker, and begin to reply."""
        hello = frame(encode(Hello(PROTOCOL_VERSION, BRIDGE_CAPACITY_MAX)).encode(), TEXT)
        for source_address in self._sources:
            with contextlib.suppress(OSError):
                bridge = RawWebSocket(self._aim, BRIDGE, source_address, hello)
                self._selector.register(bridge.socket, selectors.EVENT_READ, bridge)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the end of the attack, and close everything."""
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.data.cut()
        self._selector.close()

    def _run(self) -> None:
        while self._aim.goes_on:
            for key, _ in self._selector.select(0.1):
                try:
                    self._serve(key.data)
                except OSError:
                    self._selector.unregister(key.fileobj)
                    key.data.cut()

    def _serve(self, bridge: RawWebSocket) -> None:
        for opcode, payload in bridge.waiting():
            message = json.loads(payload) if opcode == TEXT else {}
            if message.get("type") == "offer" and (reply := self._reply(message)):
                bridge.send_raw(reply)


# --- STUN ----------------------------------------------------------------------------------------------------
def stun(aim: Aim) -> None:
    """STUN requests from one address."""
    _send_stun(aim, iter([ONE_SOURCE]))


def stun_from_many(aim: Aim) -> None:
    """STUN requests from many addresses."""
    _send_stun(aim, (source(number) for number in range(2_000)))


def _send_stun(aim: Aim, sources: Iterator[str]) -> None:
    if not aim.stun_port:
        return
    sockets = []
    for address in sources:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((address, 0))
        opened.setblocking(False)
        sockets.append(opened)
    numbers = itertools.count()
    while aim.goes_on:
        for opened in sockets:
            with contextlib.suppress(OSError):
                for _ in range(16):
                    opened.sendto(_STUN_REQUEST + next(numbers).to_bytes(12, "big"), (aim.host, aim.stun_port))
                    aim.tally.add(sent=1, sent_bytes=20)
    for opened in sockets:
        opened.close()


def _description(setup: str) -> str:
    lines = (
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        f"a=setup:{setup}",
        "a=mid:0",
        "a=sctp-port:5000",
    )
    return "\r\n".join(lines) + "\r\n"
