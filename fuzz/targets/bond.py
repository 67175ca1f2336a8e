"""What comes in on the links of a bond: frames, first messages, and messages to a whole session (`link/bond`)."""

from __future__ import annotations

import asyncio
import contextlib
import math

from freespan.link.base import TOO_EARLY, LinkOwner
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.core import BondCore
from freespan.link.bond.events import AskQueues, BondOver, CoreEvent, Deliver, Transmit
from freespan.link.bond.record_protection import RecordError, RecordProtection
from freespan.link.bond.reordering import ReorderBuffer
from freespan.link.bond.session_key import Role, SessionKey, refusal, session_key
from freespan.wire.admission import ADMISSION_CODES
from freespan.wire.bond_frames import (
    Frames,
    Join,
    Refused,
    decode,
    decode_refused,
    encode,
    encode_refused,
    hello_head,
    join_head,
    opening_of,
)
from freespan.wire.denial import DENIAL_SIZE, Denial, decode_denial, encode_denial
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.hello import ShownInvite, decode_shown, encode_shown
from freespan.wire.limits import (
    BOND_LINKS_MAX,
    BOND_PACKET_COST,
    BOND_SPAN_MAX,
    DATAGRAM_SIZE,
    LINK_QUEUE_MAX,
    MESSAGE_MAX,
)
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason
from fuzz.script import Script, piece

_BOND = "freespan.link.bond."
_KEY = session_key(bytes(32), bytes(range(16)))
_EXAMPLES = (
    Frames(ping=True),
    Frames(number=0, packet=b"packet"),
    Frames(acks=((0, 1), (1, 2**40)), number=2**63, packet=b"x"),
    Frames(closed=((1, 2), (3, 4)), bye=True),
    Frames(bye=True, farewell=encode_denial(Denial("invite_quota", 10**9, "2026-12-01"))),
    Frames(acks=((2**32 - 1, 1),) * BOND_LINKS_MAX),
)
_WORDS = (b"\x05" + bytes(8), b"\x01\x01", b"\x02" + bytes(3), b"\x03", b"\x04", bytes(12), b"\xff" * 8, b"\x01\x18")


# --- frames and first messages ---------------------------------------------------------------------------
def _frames(data: bytes) -> None:
    frames = attempt(lambda: decode(data), MessageError)
    if isinstance(frames, MessageError):
        check_reason(frames)
    else:
        assert encode(frames) == data


def _openings(data: bytes) -> None:
    join = attempt(lambda: opening_of(data), MessageError)
    if isinstance(join, MessageError):
        check_reason(join)
    else:
        head = join_head(join) if isinstance(join, Join) else hello_head(join.sealed)
        assert data.startswith(head)
        assert isinstance(join, Join) or data == head + join.frames
    refused = attempt(lambda: decode_refused(data), MessageError)
    if not isinstance(refused, MessageError):
        assert encode_refused(refused) == data


def _denials(data: bytes) -> None:
    """What an egress tells a client, padded as it must be; and what a client shows."""
    denial = attempt(lambda: decode_denial(data.ljust(DENIAL_SIZE, b"\0")), MessageError)
    if isinstance(denial, MessageError):
        check_reason(denial)
    else:
        assert decode_denial(encode_denial(denial)) == denial
        assert str(denial.error).isprintable()
    shown = attempt(lambda: decode_shown(data), MessageError)
    if not isinstance(shown, MessageError):
        assert encode_shown(shown) == data


# --- links that arrive -----------------------------------------------------------------------------------
class _Link:
    """A link that keeps what is sent on it."""

    send_credit = LINK_QUEUE_MAX

    def __init__(self) -> None:
        self.owner: LinkOwner | None = None
        self.sent: list[bytes] = []
        self.closed: str | None = None

    def start(self, owner: LinkOwner) -> None:
        self.owner = owner

    def send(self, message: bytes) -> None:
        self.sent.append(message)

    def close(self, reason: str = "closed") -> None:
        if self.closed is None and self.owner is not None:
            self.closed = reason
            self.owner.on_closed(reason)


class _Owner:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.closed = 0

    def on_message(self, message: bytes) -> None:
        self.messages.append(message)

    def on_writable(self) -> None: ...

    def on_closed(self, reason: str) -> None:
        self.closed += 1


_runner = asyncio.Runner()


def _arrival(data: bytes) -> None:
    """What becomes of the link, then its messages; long ones are made of short ones."""
    _runner.run(_arrive(Script(data)))


async def _arrive(script: Script) -> None:
    fate, times, early = script.byte(), script.byte(), script.byte()
    messages = []
    while not script.is_over:
        messages.append(script.piece() * (times + 1))
    messages = [message[:MESSAGE_MAX] for message in messages if message]
    link, owner = _Link(), _Owner()
    arrival = Arrival(link)
    arrival.on_change = (lambda: None) if fate & 16 else None
    for message in messages[:early]:
        arrival.on_message(message)
    if fate & 1 or not messages[:early]:
        link.close()
    try:
        join = await arrival.opening()
    except (LinkError, MessageError) as error:
        check_reason(error)
        return
    arrival.on_writable()
    if fate & 2:
        await arrival.refuse(_KEY, fate, linger_seconds=0)
        assert link.closed is not None
        assert len(link.sent) == isinstance(join, Join)
        return
    if fate & 4:
        assert arrival.take_first_message() == messages.pop(0)
        early -= 1
    arrival.hand_over(owner)
    arrival.on_writable()
    for message in messages[max(early, 0) :]:
        arrival.on_message(message)
    if fate & 8:
        link.close()
    assert owner.messages == messages
    assert owner.closed == (link.closed is not None)
    assert link.closed != TOO_EARLY or sum(map(len, messages)) > LINK_QUEUE_MAX


# --- a whole session ---------------------------------------------------------------------------------------
class _Session:
    """One end of a bond, and another end that has the session's key and does as it likes."""

    def __init__(self, role: Role) -> None:
        self.now = 1.0
        self.role = role
        self.core = BondCore(role, self.now, _KEY if role is Role.EGRESS else None)
        self.peers: dict[int, RecordProtection] = {0: RecordProtection.first(role.other, 0)}
        self.delivered = 0
        self.has_key = False
        self.is_over = False

    def act(self, events: list[CoreEvent]) -> None:
        for event in events:
            if isinstance(event, Deliver):
                self.delivered += 1
            elif isinstance(event, BondOver):
                self.is_over = True
            elif isinstance(event, Transmit):
                assert 0 < len(event.message) <= MESSAGE_MAX
                self.hear(event)
        self.check()
        if any(isinstance(event, AskQueues) for event in events):
            for number in list(self.core.links.open):
                self.core.set_queue_left(number, LINK_QUEUE_MAX)
            self.act(self.core.flush(self.now))

    def hear(self, sent: Transmit) -> None:
        """The other end opens what it gets, from which it knows when to protect what it sends."""
        peer = self.peers.get(sent.number)
        if peer is not None:
            with contextlib.suppress(RecordError):
                peer.unprotect(sent.message)

    def check(self) -> None:
        assert len(self.core.links.open) <= BOND_LINKS_MAX
        assert self.core.reordering.held_cost <= BOND_SPAN_MAX
        assert self.core.reordering.next_number == self.delivered
        assert self.core.is_over or not self.is_over
        assert self.core.timer_at < math.inf or self.core.is_over

    def receive(self, number: int, message: bytes) -> None:
        if message:
            self.act(self.core.receive(number, message[:MESSAGE_MAX], self.now))

    def receive_record(self, number: int, body: bytes) -> None:
        """A message that opens, whatever its frames are."""
        peer = self.peers.get(number)
        if peer is not None:
            self.receive(number, peer.protect(body[: MESSAGE_MAX - 64]))

    def set_keys(self) -> None:
        """The other end has the key, as it does when QUIC has carried it."""
        if self.has_key:
            if self.role is Role.CLIENT:
                assert isinstance(attempt(lambda: self.core.set_key(_KEY, self.now), RuntimeError), RuntimeError)
            return
        self.has_key = True
        self.peers[0].set_key(_KEY)
        if self.role is Role.CLIENT:
            self.act(self.core.set_key(_KEY, self.now))

    def join(self, number: int, body: bytes, key: SessionKey = _KEY) -> None:
        peer = RecordProtection.joining(self.role.other, number, key)
        try:
            if self.role is Role.EGRESS:
                number, events = self.core.admit(peer.protect(body[: MESSAGE_MAX - 64]), LINK_QUEUE_MAX, self.now)
            else:
                number, events = self.core.add(LINK_QUEUE_MAX, self.now)
                peer = RecordProtection.joining(self.role.other, number, key)
        except (LinkError, MessageError) as error:
            check_reason(error)
        else:
            self.peers[number] = peer
            self.act(events)

    def send(self, packet: bytes, times: int) -> None:
        """This end sends, even without credit."""
        if times > 1:
            packet = (packet * DATAGRAM_SIZE)[:DATAGRAM_SIZE]
        for _ in range(times):
            self.act(self.core.send(packet, self.now))

    def hold_back(self, count: int) -> None:
        """So many packets have come before the next one, more than are delivered at once."""
        buffer = self.core.reordering
        for number in range(buffer.next_number + 1, buffer.next_number + count):
            buffer.receive(number, b"x")
        if not self.core.is_over:
            self.receive_record(0, encode(Frames(number=buffer.next_number, packet=b"x")))
            self.act(self.core.handle_timer(max(self.now, self.core.timer_at)))

    def step(self, script: Script) -> None:
        kind, number = script.byte() % 12, script.byte() % 32
        if kind == 0:
            self.receive(number, script.piece())
        elif kind == 1:
            self.receive_record(number, script.piece())
        elif kind == 2:
            self.receive_record(number, encode(_short_frames(script)))
        elif kind == 3:
            self.join(number, script.piece())
        elif kind == 4:
            self.join(number, encode(_short_frames(script)))
        elif kind == 5:
            self.now += number / 40 if number < 6 else number / 8 if number < 24 else 2.0 ** (number - 22)
            self.act(self.core.handle_timer(self.now))
        elif kind == 6:
            self.send(script.piece() or b"x", 300 if number == 31 else 1)
        elif kind == 7:
            self.act(self.core.on_closed(number, "closed", self.now))
        elif kind == 8:
            self.set_keys()
        elif kind == 9 and number == 31:
            self.hold_back(1_100)
        elif kind == 9:
            self.receive(number, encode_refused(refusal(_KEY, number, script.byte())))
        elif kind == 10:
            self.core.set_queue_left(number, 1_000 * number)
            self.act(self.core.flush(self.now))
        elif kind == 11:
            self.join(number, b"\x03", session_key(bytes(32), script.take(16)))


def _short_frames(script: Script) -> Frames:
    """Frames whose numbers are small, so that they are about packets and links that exist."""
    flags = script.byte()
    acks = tuple((script.byte(), script.byte()) for _ in range(flags & 3))
    closed = tuple((script.byte(), script.byte()) for _ in range(flags >> 2 & 1))
    ping, bye = flags & 8 > 0, flags & 128 > 0
    if not flags & 16:
        return Frames(acks, closed, ping, bye)
    packet = (script.piece() or b"x") * (200 if flags & 64 else 1)
    return Frames(acks, closed, ping, bye, script.number(8) if flags & 32 else script.byte(), packet)


def _session(role: Role, data: bytes) -> None:
    script, session = Script(data), _Session(role)
    while not script.is_over:
        session.step(script)
    if script.byte() == 0:
        session.act(session.core.close(session.now))
        assert session.core.is_over


def _reordering(data: bytes) -> None:
    """Each three bytes: how many packets, how far their numbers lie ahead, and their size."""
    script, buffer, expected = Script(data), ReorderBuffer(), 0
    packets = [bytes(size) for size in (1, 100, 4_000, DATAGRAM_SIZE)]
    while not script.is_over:
        times, ahead, size = script.byte(), 4 * script.byte(), script.byte()
        for number in range(buffer.next_number + ahead, buffer.next_number + ahead + times):
            try:
                ready = buffer.receive(number, packets[size % 4])
            except MessageError as error:
                check_reason(error)
                break
            while buffer.is_ready:
                ready += buffer.release()
            expected += len(ready)
        assert buffer.next_number == expected
        assert 0 <= buffer.held_cost <= BOND_SPAN_MAX
        assert (buffer.held_cost == 0) == (not buffer._held)
        assert len(buffer._held) * BOND_PACKET_COST <= BOND_SPAN_MAX


def _ping(number: int) -> bytes:
    return bytes((2, number, 8))


def _data(link: int, number: int, packet: bytes = b"x") -> bytes:
    return bytes((2, link, 16)) + piece(packet) + bytes((number,))


_HELLO = b"\x06\x00" + piece(b"hello")
_KEYS = b"\x08\x00"
_WAIT = b"\x05\x0a"
_SESSIONS = (
    _ping(0) + _KEYS + _ping(0) + bytes((4, 1, 8)) + _data(0, 0) + _data(1, 2) + _data(1, 1) + _WAIT * 3,
    _data(0, 0) + _KEYS + _data(0, 1) + b"\x03\x01\x01\x03" + b"\x02\x00\x04\x01\x00" + b"\x02\x00\x80",
    _KEYS + _ping(0) + b"".join(bytes((4, number, 8)) for number in range(1, 28)) + _WAIT,
    b"\x00\x00" + piece(hello_head() + b"\x03") + b"\x00\x00" + piece(b"\x03\x03"),
    _KEYS + _ping(0) + b"\x06\x00" + piece(b"up") + bytes((2, 0, 1, 0, 1)) + b"\x07\x00" + b"\x05\x1f" * 4,
    _KEYS + _ping(0) + bytes((3, 1)) + piece(b"\x03") + b"\x09\x01\x01" + b"\x0b\x02" + bytes(16) + b"\x09\x00\x02",
    _KEYS + _ping(0) + b"\x06\x00" + piece(b"up") + b"\x05\x06" * 40,
    _KEYS + _ping(0) + b"\x06\x1f" + piece(b"up") + b"\x05\x06" * 4 + b"\x06\x00" + piece(b"up") + b"\x0a\x1f\x0a\x09",
    _KEYS
    + _ping(0)
    + bytes((4, 1, 8))
    + _ping(1)
    + b"\x06\x02"
    + piece(b"up")
    + b"\x05\x04" * 9
    + _ping(0)
    + b"\x05\x06" * 9,
    _KEYS + _ping(0) + bytes((4, 1, 8)) + b"\x09\x01\x02" + bytes((4, 2, 8)) + b"\x00\x02" + piece(b"\x06" + bytes(17)),
    _KEYS + _ping(0) + bytes((4, 1, 8)) + b"\x00\x01" + piece(encode_refused(Refused(1, bytes(16)))),
    b"\x07\x00" + _KEYS * 2 + b"\x07\x00",
    _KEYS + _ping(0) + b"\x09\x1f" + _data(0, 0) + b"\x09\x1f" + _WAIT,
    _KEYS + _data(0, 9) + _data(0, 9) + _data(0, 0) + b"\x01\x00" + piece(b"\x02" + bytes(3)) + b"\x0a\x00",
    _KEYS + _ping(0) + b"".join(bytes((2, 0, 16 | 32 | 64)) + piece(b"z" * 80) + bytes((1,) * 8) for _ in range(6)),
)

TARGETS = (
    FuzzTarget("bond_frames", _frames, ("freespan.wire.bond_frames",), tuple(map(encode, _EXAMPLES)), _WORDS, 17_000),
    FuzzTarget(
        "bond_openings",
        _openings,
        ("freespan.wire.bond_frames",),
        (
            hello_head(),
            hello_head(bytes(20)) + b"\x03",
            join_head(Join(bytes(16), 7)) + b"record",
            encode_refused(refusal(_KEY, 1, 1)),
            b"\x01\x09",
            b"",
        ),
        (b"\x01\x02\x00\x04", b"\x04\x02", b"\x05\x03", bytes(16)),
        size_max=64,
    ),
    FuzzTarget(
        "bond_denials",
        _denials,
        ("freespan.wire.denial", "freespan.wire.hello", "freespan.wire.admission"),
        (
            *(encode_denial(Denial(code)) for code in ADMISSION_CODES),
            encode_denial(Denial("invite_quota", 20 * 10**9, "2026-12-01")),
            encode_denial(Denial("invite_quota", 1, "2026-13-01")),
            encode_shown(ShownInvite(bytes(24), bytes(32))),
            b"\xff",
        ),
        (b"\x93", b"\xaa", b"\xcf" + bytes(8), b"2026-12-01", b"invite_quota"),
        size_max=64,
    ),
    FuzzTarget(
        "bond_arrival",
        _arrival,
        (f"{_BOND}arrival",),
        (
            b"\x00\x00\x01" + piece(hello_head() + b"\x03") + piece(b"more"),
            b"\x02\x00\x01" + piece(join_head(Join(_KEY.id, 1)) + b"record"),
            b"\x02\x00\x01" + piece(hello_head()),
            b"\x04\x00\x02" + piece(join_head(Join(_KEY.id, 1))) + piece(b"more") * 3,
            b"\x00\xff\x40" + piece(hello_head() + bytes(60)) + piece(bytes(200)) * 40,
            b"\x01\x00\x01" + piece(hello_head()),
            b"\x01\x00\x00",
            b"\x08\x00\x01" + piece(hello_head()) + piece(b"more"),
            b"\x03\x00\x01" + piece(join_head(Join(_KEY.id, 1))),
            b"\x00\x00\x01" + piece(b"\x09"),
        ),
        (b"\x01\x02\x00\x00", b"\x04\x02" + _KEY.id),
    ),
    FuzzTarget(
        "bond_reordering",
        _reordering,
        (f"{_BOND}reordering",),
        (
            b"\x01\x00\x00",
            b"\xff\x01\x03\xff\x41\x03\xff\x81\x03\x01\x00\x00",
            b"\xff\x02\x00" * 8 + b"\x02\x00\x01",
            b"\x05\x03\x01" * 2,
        ),
        size_max=90,
    ),
    *(
        FuzzTarget(
            f"bond_{role.value}",
            lambda data, role=role: _session(role, data),  # type: ignore[misc]
            (f"{_BOND}core", f"{_BOND}record_protection"),
            _SESSIONS if role is Role.EGRESS else tuple(_HELLO + session for session in _SESSIONS),
            (_HELLO + _KEYS, _WAIT, _ping(0), _data(0, 0), b"\x04\x01\x08", b"\x02\x00"),
            size_max=400,
        )
        for role in (Role.EGRESS, Role.CLIENT)
    ),
)
