"""What is sealed to a host, and what it seals (`sealing/`, `wire/sealed_request.py`): any bytes, and any contents."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from freespan.sealing.hpke import Opener, seal
from freespan.sealing.replies import seal_reply
from freespan.sealing.requests import open_answer, open_request, seal_request
from freespan.wire.errors import MessageError, SealError
from freespan.wire.invite import TOKEN_SIZE
from freespan.wire.limits import PROTOCOL_VERSION, RENDEZVOUS_BODY_MAX, RENDEZVOUS_STEPS
from freespan.wire.messages import Problem, RendezvousRequest, TurnRequest, encode, problem_in
from freespan.wire.sealed_request import REPLY_KEY_SIZE
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason

_KEY = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
_PUBLIC = _KEY.public_key().public_bytes_raw()
_OPENER = Opener(_KEY)
_KEYS = bytes(TOKEN_SIZE + REPLY_KEY_SIZE)
_PURPOSES = (b"rendezvous", b"hello", b"rendezvous\0more")


def _request(data: bytes) -> None:
    """The first byte says whether the rest is a body, or what is sealed in one for the right purpose or another."""
    kind, rest = data[:1], data[1:]
    purpose = _PURPOSES[kind[0] % len(_PURPOSES)] if kind.isalpha() else None
    body = rest if purpose is None else seal(_PUBLIC, purpose, rest)
    found = attempt(lambda: open_request(_OPENER, body), MessageError)
    if isinstance(found, MessageError):
        check_reason(found)
        assert isinstance(found, SealError) == (purpose != _PURPOSES[0])
        return
    assert found.token + found.reply_key + found.message == rest
    again = attempt(lambda: seal_request(_PUBLIC, found), ValueError)
    if isinstance(again, ValueError):
        assert len(found.message) > RENDEZVOUS_BODY_MAX - len(_KEYS) - 48
        return
    assert len(again) in RENDEZVOUS_STEPS
    opened = open_request(_OPENER, again)
    assert (opened.token, opened.reply_key) == (found.token, found.reply_key)
    assert opened.message.rstrip(b" ") == found.message.rstrip(b" ")


def _answer(data: bytes) -> None:
    """The first byte says whether the rest is a body, or what is sealed in one."""
    kind, rest = data[:1], data[1:]
    reply_key = bytes(REPLY_KEY_SIZE)
    body = seal_reply(reply_key, b"rendezvous", rest) if kind == b"s" else rest
    message = attempt(lambda: open_answer(reply_key, body), SealError)
    if isinstance(message, SealError):
        check_reason(message)
        assert kind != b"s"
        return
    assert message == rest
    problem = attempt(lambda: problem_in(message), MessageError)
    if isinstance(problem, MessageError):
        check_reason(problem)


TARGETS = (
    FuzzTarget(
        "sealed_request",
        _request,
        ("freespan.wire.sealed_request", "freespan.sealing.requests", "freespan.sealing.hpke"),
        (
            b"",
            b"-" + bytes(100),
            b"-" + bytes(32) + b"x" * 40,
            b"c" + _KEYS,
            b"c" + _KEYS[:-1],
            b"a" + _KEYS,
            b"b" + _KEYS,
            b"c" + _KEYS + encode(TurnRequest(PROTOCOL_VERSION)).encode() + b"  ",
            b"c" + _KEYS + encode(RendezvousRequest(PROTOCOL_VERSION, "v=0\r\n")).encode(),
            b"c" + _KEYS + b"x" * 3_000,
            b"c" + _KEYS + b"x" * RENDEZVOUS_BODY_MAX,
        ),
        (_KEYS, b'{"type":"turn"', b'"version":1', b" " * 100),
        size_max=RENDEZVOUS_BODY_MAX + 200,
    ),
    FuzzTarget(
        "sealed_answer",
        _answer,
        ("freespan.sealing.replies", "freespan.sealing.requests"),
        (
            b"",
            b"-" + bytes(47),
            b"-" + bytes(48),
            b"s",
            b's{"version":1}  ',
            b"s" + encode(Problem("urn:freespan:problem:busy", "busy", 503, "come back", retry_after=3)).encode(),
            b's{"status":503}',
            b's{"status":null}',
        ),
        (b'"status":', b'"retry_after":', b'"type":', b"null", b"-1", b"1e999"),
    ),
)
