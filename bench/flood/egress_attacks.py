"""Attacks on the egress: links and sessions that cost it time, memory or places."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator

from bench.flood import frames
from bench.flood.raw_session import EGRESS, RawSession, first_flight
from bench.flood.raw_socket import (
    BINARY,
    ONE_SOURCE,
    PING,
    Aim,
    RawConnection,
    RawWebSocket,
    connect,
    cut,
    frame,
    source,
)
from bench.flood.sink import sink
from bench.flood.workers import hold_open, in_threads
from freespan.wire.bond_frames import Frames, Join, encode, hello_head, join_head
from freespan.wire.limits import MESSAGE_MAX

_WORKERS = 4
_CHECK_EVERY = 16
_ROOM = 128
"""Streams of a session."""
_FAST_SITE_BYTES = 1 << 30
_SEALED = 104
"""Bytes of what a client seals."""


# --- frames ---------------------------------------------------------------------------------------
def sending(make: Callable[[], Iterator[bytes]]) -> Callable[[Aim], None]:
    """Return an attack that sends these frames, in one new session after another."""

    def attack(aim: Aim) -> None:
        in_threads(aim, _WORKERS, lambda _: _one_session(aim, make))

    return attack


def _one_session(aim: Aim, make: Callable[[], Iterator[bytes]]) -> None:
    session = RawSession(aim)
    try:
        for index, (payload, count) in enumerate(frames.payloads(make())):
            if not aim.goes_on:
                return
            session.send_payload(payload, count)
            if index % _CHECK_EVERY == 0:
                session.check()
        while aim.goes_on:  # what was sent is still being handled
            session.check()
            time.sleep(0.05)
    finally:
        session.cut()


def far_offsets(aim: Aim) -> None:
    """A byte at the end of the window of 190 streams, in 32 sessions at a time and more."""
    payload = b"".join(frames.far_offsets())
    held: list[RawSession] = []
    try:
        while aim.goes_on and len(held) < 320:
            with contextlib.suppress(OSError):
                held.append(RawSession(aim))
                held[-1].send_payload(payload, 190)
        _hold(aim)
    finally:
        for session in held:
            session.cut()


# --- links and handshakes ---------------------------------------------------------------------------
def silent_links(aim: Aim) -> None:
    """20,000 links on which nothing is ever said."""
    _open_links(aim, 20_000, lambda number: ONE_SOURCE, b"")


def silent_links_from_many(aim: Aim) -> None:
    """The same from many addresses."""
    _open_links(aim, 20_000, source, b"")


def half_links(aim: Aim) -> None:
    """Links with a first flight of QUIC and nothing after it."""
    _open_links(aim, 20_000, lambda number: ONE_SOURCE, first_flight(), hold=300)


def first_flights(aim: Aim) -> None:
    """The first flight of one handshake on one new link after another: the egress signs each time, and nobody reads."""
    _open_links(aim, 1 << 30, lambda number: ONE_SOURCE, first_flight(), hold=64)


def first_flights_from_many(aim: Aim) -> None:
    """The same from many addresses."""
    _open_links(aim, 1 << 30, source, first_flight(), hold=64)


def _open_links(aim: Aim, count: int, source_of: Callable[[int], str], first: bytes, hold: int = 15_000) -> None:
    hold_open(aim, count, hold, lambda number: RawWebSocket(aim, EGRESS, source_of(number), first))


def bad_first_messages(aim: Aim) -> None:
    """Links whose first message is none of the protocol."""
    flight = frame(bytes(MESSAGE_MAX))
    _open_links(aim, 1 << 30, lambda number: ONE_SOURCE, flight, hold=64)


def sealed_nonsense(aim: Aim) -> None:
    """Links whose first message holds something sealed that the host cannot open."""
    flight = frame(hello_head(bytes(_SEALED)) + encode(Frames(ping=True)))
    _open_links(aim, 1 << 30, lambda number: ONE_SOURCE, flight, hold=64)


# --- sessions ---------------------------------------------------------------------------------------
def sessions(aim: Aim) -> None:
    """20,000 sessions, as fast as one core can complete handshakes, and all of them held."""
    held: list[RawSession] = []

    def one(_: int) -> None:
        held.append(RawSession(aim))

    try:
        in_threads(aim, _WORKERS, one)
    finally:
        for session in held:
            session.cut()


def waiting_sessions(aim: Aim) -> None:
    """Sessions that lose their only link at once, so that each waits for another one."""
    in_threads(aim, _WORKERS, lambda _: RawSession(aim).cut())


def waiting_sessions_from_many(aim: Aim) -> None:
    """The same from many addresses."""
    numbers = itertools.count()
    in_threads(aim, _WORKERS, lambda _: RawSession(aim, source(next(numbers))).cut())


def streams(aim: Aim) -> None:
    """90 sessions with 128 streams each to a site that never answers."""
    with sink(answers=False) as port:
        _streams(aim, port, b"", sessions_max=90)


def slow_streams(aim: Aim) -> None:
    """Sessions with 128 streams each that ask a fast site for much, and read nothing."""
    with sink(answers=True) as port:
        _streams(aim, port, f"GET /{_FAST_SITE_BYTES} HTTP/1.1\r\n\r\n".encode(), sessions_max=30)


def resolving(aim: Aim) -> None:
    """Streams to names that cannot be resolved."""
    numbers = itertools.count()

    def one(_: int) -> None:
        session = RawSession(aim)
        try:
            while aim.goes_on:
                for _ in range(_ROOM):
                    session.connect(f"n{next(numbers)}.invalid:443")
                session.flush()
                session.take_what_came()
                time.sleep(0.05)
        finally:
            session.cut()

    in_threads(aim, _WORKERS, one)


def _streams(aim: Aim, port: int, first_bytes: bytes, sessions_max: int) -> None:
    held: list[RawSession] = []

    def one(_: int) -> None:
        if len(held) >= sessions_max:
            time.sleep(0.1)
            return
        session = RawSession(aim)
        held.append(session)
        for _ in range(_ROOM):
            session.connect(f"127.0.0.1:{port}", first_bytes)
        session.flush()
        session.take_what_came()

    try:
        in_threads(aim, 2, one)
        _hold(aim)
    finally:
        for session in held:
            session.cut()


# --- messages of the bond and of the WebSocket ----------------------------------------------------------
def bond_pings(aim: Aim) -> None:
    """Messages of two bytes, each of which asks for an acknowledgement."""

    def one(_: int) -> None:
        session = RawSession(aim)
        try:
            while aim.goes_on:
                session.send_plain_frames(Frames(ping=True), 1_000)
                session.check()
        finally:
            session.cut()

    in_threads(aim, _WORKERS, one)


def websocket_pings(aim: Aim) -> None:
    """PING frames of a WebSocket, each of which asks for a PONG."""
    _websocket_frames(aim, frame(bytes(125), PING) * 500)


def websocket_fragments(aim: Aim) -> None:
    """A message in endlessly many empty pieces."""
    _websocket_frames(aim, frame(b"", 0, final=False) * 2_000, frame(b"!", BINARY, final=False))


def _websocket_frames(aim: Aim, data: bytes, first: bytes = b"") -> None:
    def one(_: int) -> None:
        link = RawWebSocket(aim, EGRESS)
        try:
            link.wait_open()
            link.send_raw(first)
            while aim.goes_on:
                link.send_raw(data, 500)
                link.drop_waiting()
        finally:
            link.cut()

    in_threads(aim, _WORKERS, one)


def joins(aim: Aim) -> None:
    """Links that say they join a session which never was; each is refused with a proof."""

    def one(number: int) -> RawWebSocket:
        name = number.to_bytes(16, "big")
        return RawWebSocket(aim, EGRESS, ONE_SOURCE, frame(join_head(Join(name, 0)) + bytes(40)))

    hold_open(aim, 1 << 30, 256, one)


# --- TCP and HTTP ---------------------------------------------------------------------------------------
def silent_sockets(aim: Aim) -> None:
    """15,000 connections on which nothing is said."""
    _hold_sockets(aim, b"", ONE_SOURCE)


def slow_heads(aim: Aim) -> None:
    """Connections whose request never ends."""
    _hold_sockets(aim, aim.head("GET", "/")[:-4] + b"\r\nX: ", ONE_SOURCE, drip=b"x")


def slow_bodies(aim: Aim) -> None:
    """Requests for a bridge whose body never ends."""
    head = aim.head("POST", "/v1/rendezvous", "Content-Type: application/octet-stream", "Content-Length: 20000")
    _hold_sockets(aim, head + b"{", ONE_SOURCE, drip=b" ")


def slow_readers(aim: Aim) -> None:
    """Connections that ask for many files at once, and read nothing."""
    _hold_sockets(aim, aim.head("GET", "/switch.js") * 200, ONE_SOURCE, buffer=4_096)


def requests(aim: Aim) -> None:
    """Requests for small answers, as fast as they can be sent on connections that stay open."""
    data = aim.head("GET", "/v1/health") * 50

    def one(_: int) -> None:
        opened = connect(aim, ONE_SOURCE)
        try:
            while aim.goes_on:
                opened.sendall(data)
                aim.tally.add(sent=50, sent_bytes=len(data))
                opened.recv(1 << 20)
        finally:
            cut(opened)

    in_threads(aim, _WORKERS, one)


def _hold_sockets(aim: Aim, first: bytes, source_address: str, drip: bytes = b"", buffer: int = 0) -> None:
    dripping: list[RawConnection] = []

    def one(_: int) -> RawConnection:
        opened = RawConnection(aim, source_address, first, buffer)
        if drip:
            dripping.append(opened)
        return opened

    def drip_on() -> None:
        for opened in dripping:
            with contextlib.suppress(OSError):
                opened.send_some(drip)

    hold_open(aim, 15_000, 15_000, one, drip_on)


def _hold(aim: Aim) -> None:
    while aim.goes_on:
        time.sleep(0.05)
