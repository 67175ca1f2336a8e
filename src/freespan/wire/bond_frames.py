"""The messages between the two bonds of a session: bytes ↔ messages and frames.

A message of a link is one of these. Sizes in bytes are in parentheses, numbers are big-endian, and a session is
named by 16 bytes:

    0x01 HELLO      version (1), length (2), sealed (length), frames         the first message of a new session
    0x02 PLAIN      frames                         before the two ends have a key
    0x03 PROTECTED  record of frames               the first with the key; later records on that link have no kind
    0x04 JOIN       version (1), session (16), link (4), record of frames    the first message of every further link
    0x05 REFUSED    reason (1), proof              the answer to a JOIN or a HELLO that is not possible

Frames follow one another in this order, each kind at most once except for CLOSED:

    0x01 ACK     how many (1), and for each: link (4), how many ack-eliciting messages have arrived on it (8)
    0x02 CLOSED  link (4), how many ack-eliciting messages had arrived on it when it closed (8)
    0x03 PING    asks for an ACK at once, on the same link
    0x04 BYE     length (1), and so many bytes: the session has ended, and why, if the client is to know
    0x05 DATA    number of the packet (8), and the packet, to the end of the message

A message with PING or DATA is ack-eliciting (RFC 9000 section 1.2): it is counted. A link is reliable and ordered, so a
count says exactly which messages have arrived.
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812

import msgspec

from freespan.wire.errors import MessageError, VersionError
from freespan.wire.limits import BOND_LINKS_MAX, DATAGRAM_SIZE

KEY_PATH = "/bond"
"""Where a client asks the egress, inside QUIC, for the name and the key of its session."""
VERSION = 2
HELLO, PLAIN, PROTECTED, JOIN, REFUSED = 1, 2, 3, 4, 5
SESSION_ID_SIZE = 16
PROOF_SIZE = 16
LINK_NUMBER_MAX = 2**32 - 1
COUNT_MAX = 2**64 - 1
UNKNOWN_SESSION, SESSION_ENDED, NO_SESSION, NOT_OPENED = 1, 2, 3, 4
"""Reasons in REFUSED. To a JOIN: the egress was restarted since the session began, or has ended it. To a HELLO: it
begins no session, and the client alone can read why; or it cannot open what is sealed in it."""
SEALED_MAX = 512
"""Bytes of what is sealed in a HELLO, at most."""
FAREWELL_MAX = 64
"""Bytes of what a BYE tells the client, at most."""
CLOSED_MAX = 64
"""The most CLOSED frames in one message."""

_ACK, _CLOSED, _PING, _BYE, _DATA = 1, 2, 3, 4, 5
_SEALED_LENGTH = Struct("!H")
_HELLO_HEAD_SIZE = 2 + _SEALED_LENGTH.size
"""Of a HELLO, up to what is sealed."""
_COUNT = Struct("!IQ")
_CLOSED_FRAME = Struct("!BIQ")
_DATA_HEAD = Struct("!BQ")
_JOIN_HEAD = Struct(f"!BB{SESSION_ID_SIZE}sI")
JOIN_HEAD_SIZE = _JOIN_HEAD.size

Counts = tuple[tuple[int, int], ...]
"""Pairs of a link's number and how many ack-eliciting messages have arrived on it."""


class Frames(msgspec.Struct, frozen=True, gc=False):
    """The frames of one message; `number` is -1 without DATA."""

    acks: Counts = ()
    closed: Counts = ()
    ping: bool = False
    bye: bool = False
    number: int = -1
    packet: bytes = b""
    farewell: bytes = b""
    """What a BYE tells the client."""


class Hello(msgspec.Struct, frozen=True):
    """The first message of a session."""

    sealed: bytes
    """What only the host can open: the invite of the client. Empty for a client without one."""
    frames: bytes
    """Encoded."""


class Join(msgspec.Struct, frozen=True):
    """The head of a JOIN; the record follows at `JOIN_HEAD_SIZE`."""

    session: bytes
    number: int
    """The number of the link."""


class Refused(msgspec.Struct, frozen=True):
    """The answer to a JOIN, or a HELLO, that is not possible.

    `proof` shows that it comes from the egress. For `NO_SESSION` it also says why, so that the client alone can read
    it; a HELLO in which nothing is sealed gets none. For `NOT_OPENED` there is none.
    """

    reason: int
    proof: bytes = b""


def encode(frames: Frames) -> bytes:
    """The bytes of `frames`, of which there must be at least one, and which must fit a message."""
    data = _DATA_HEAD.pack(_DATA, frames.number) + frames.packet if frames.number >= 0 else b""
    if not (frames.acks or frames.closed or frames.ping or frames.bye):
        return data
    parts = []
    if frames.acks:
        parts.append(bytes((_ACK, len(frames.acks))))
        parts += [_COUNT.pack(link, count) for link, count in frames.acks]
    parts += [_CLOSED_FRAME.pack(_CLOSED, link, count) for link, count in frames.closed]
    if frames.ping:
        parts.append(bytes((_PING,)))
    if frames.bye:
        parts.append(bytes((_BYE, len(frames.farewell))) + frames.farewell)
    parts.append(data)
    return b"".join(parts)


def decode(body: bytes) -> Frames:
    """Read frames. Raises `MessageError` for anything that `encode` does not make."""
    try:
        if body[0] == _DATA:
            return Frames((), (), False, False, *_data(body, 0))
        return _decode_all(body)
    except (IndexError, StructError):
        raise MessageError("bond", "a message is cut or empty") from None


def _decode_all(body: bytes) -> Frames:
    at, seen = 0, 0
    acks: Counts = ()
    closed: list[tuple[int, int]] = []
    ping = bye = False
    number, packet, farewell = -1, b"", b""
    while at < len(body):
        kind = body[at]
        if kind < seen or (kind == seen and kind != _CLOSED):
            raise MessageError("bond", "frames are not in order")
        seen = kind
        if kind == _ACK:
            at, acks = _acks(body, at)
        elif kind == _CLOSED:
            closed.append(_COUNT.unpack_from(body, at + 1))
            at += _CLOSED_FRAME.size
        elif kind == _PING:
            at, ping = at + 1, True
        elif kind == _BYE:
            at, farewell = _farewell(body, at)
            bye = True
        elif kind == _DATA:
            number, packet = _data(body, at)
            break
        else:
            raise MessageError("bond", "a frame of unknown kind")
    if not seen or len(closed) > CLOSED_MAX:
        raise MessageError("bond", "no frame, or too many")
    return Frames(acks, tuple(closed), ping, bye, number, packet, farewell)


def _acks(body: bytes, at: int) -> tuple[int, Counts]:
    count = body[at + 1]
    if not 0 < count <= BOND_LINKS_MAX:
        raise MessageError("bond", "an acknowledgement of a forbidden number of links")
    begin = at + 2
    end = begin + count * _COUNT.size
    return end, tuple(_COUNT.unpack_from(body, place) for place in range(begin, end, _COUNT.size))


def _farewell(body: bytes, at: int) -> tuple[int, bytes]:
    begin = at + 2
    end = begin + body[at + 1]
    if end - begin > FAREWELL_MAX or end > len(body):
        raise MessageError("bond", "a farewell of a forbidden size")
    return end, body[begin:end]


def _data(body: bytes, at: int) -> tuple[int, bytes]:
    number: int = _DATA_HEAD.unpack_from(body, at)[1]
    packet = body[at + _DATA_HEAD.size :]
    if not 0 < len(packet) <= DATAGRAM_SIZE:
        raise MessageError("bond", "a packet of a forbidden size")
    return number, packet


def hello_head(sealed: bytes = b"") -> bytes:
    """What precedes the frames in the first message of a session; `sealed` has at most `SEALED_MAX` bytes."""
    return bytes((HELLO, VERSION)) + _SEALED_LENGTH.pack(len(sealed)) + sealed


def join_head(join: Join) -> bytes:
    """What precedes the record in the first message of a further link."""
    return _JOIN_HEAD.pack(JOIN, VERSION, join.session, join.number)


def opening_of(message: bytes) -> Hello | Join:
    """What the first message of a link wants: to begin a session, or to join one.

    Raises:
        VersionError: the other end speaks another version.
        MessageError: the message is not the first one of a link.
    """
    if len(message) < 2 or message[0] not in (HELLO, JOIN):
        raise MessageError("bond", "the first message of a link neither begins nor joins a session")
    if message[1] != VERSION:
        raise VersionError("bond", "the other end speaks another version")
    if message[0] == HELLO:
        return _hello(message)
    if len(message) < JOIN_HEAD_SIZE:
        raise MessageError("bond", "a message is cut or empty")
    _, _, session, number = _JOIN_HEAD.unpack_from(message)
    return Join(session, number)


def _hello(message: bytes) -> Hello:
    if len(message) < _HELLO_HEAD_SIZE:
        raise MessageError("bond", "a message is cut or empty")
    (size,) = _SEALED_LENGTH.unpack_from(message, 2)
    end = _HELLO_HEAD_SIZE + size
    if size > SEALED_MAX or end > len(message):
        raise MessageError("bond", "what is sealed has a forbidden size")
    return Hello(message[_HELLO_HEAD_SIZE:end], message[end:])


def encode_refused(refused: Refused) -> bytes:
    """The whole message."""
    return bytes((REFUSED, refused.reason)) + refused.proof


def decode_refused(message: bytes) -> Refused:
    """Read a REFUSED. Raises `MessageError` for any other message."""
    if not 2 <= len(message) <= 2 + SEALED_MAX or message[0] != REFUSED:
        raise MessageError("bond", "no REFUSED")
    return Refused(message[1], message[2:])
