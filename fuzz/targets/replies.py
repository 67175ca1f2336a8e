"""What a client makes of any answer of a broker, a front, or whatever stands in between (`client/rendezvous.py`)."""

from __future__ import annotations

from typing import cast

import aiohttp

from freespan.client.rendezvous import Rendezvous, Response, _checked_answer
from freespan.client.settings import ClientSettings
from freespan.sealing.replies import seal_reply
from freespan.wire.causes import cause_of_status
from freespan.wire.errors import NotAdmittedError, RendezvousError
from freespan.wire.invite import TOKEN_SIZE, Invite
from freespan.wire.messages import IceServer, Problem, RendezvousAnswer, TurnCredentials, encode
from fuzz.fuzz_target import FuzzTarget, check_reason
from fuzz.script import Script, piece

_STATUS = (200, 400, 408, 413, 425, 429, 500, 503, 504, 200)
_REPLY_KEY = bytes(range(32))
_INVITE = Invite("https://host.example", bytes(32), bytes([9]) + bytes(31), bytes(TOKEN_SIZE))
_ANSWER = (
    "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:active\r\n"
)


def _reply(data: bytes) -> None:
    """The first byte says what answers what; a body that comes with 200 may be sealed, as the broker does it."""
    script = Script(data)
    kind = script.byte()
    status, retry_after = _STATUS[kind % len(_STATUS)], script.piece().decode("latin-1")
    # what is said next asks for no connection
    rendezvous = Rendezvous(cast(aiohttp.ClientSession, None), _INVITE, ClientSettings())
    decode = _checked_answer if kind & 64 else rendezvous._checked_turn_servers
    body = script.rest()
    if status == 200 and not kind & 128:
        body = seal_reply(_REPLY_KEY, b"rendezvous", body)
    try:
        response = Response(status, body, retry_after, "host", cause_of_status(status, {}, _INVITE.broker))
        rendezvous._understand(response, _REPLY_KEY, decode)
    except NotAdmittedError as error:
        check_reason(error)
    except RendezvousError as error:
        check_reason(error)
        after = error.after
        if after is not None and not 0 <= after <= ClientSettings().retry_after_max_seconds:
            raise AssertionError("a bad time to wait") from error


def _said(kind: int, retry_after: bytes, body: bytes) -> bytes:
    return bytes((kind,)) + piece(retry_after) + body


TARGETS = (
    FuzzTarget(
        "broker_reply",
        _reply,
        (),
        (
            _said(120, b"", encode(RendezvousAnswer(1, _ANSWER, "name")).encode()),
            _said(250, b"", encode(RendezvousAnswer(1, _ANSWER, "name")).encode()),
            _said(0, b"", encode(Problem("urn:freespan:problem:no_bridge", "x", 503, "y", retry_after=3)).encode()),
            _said(0, b"", encode(Problem("urn:freespan:problem:bad_request", "x", 400, "", "offer")).encode()),
            _said(
                0,
                b"",
                encode(
                    Problem("urn:freespan:problem:invite_quota", "x", 403, "y", amount=10**9, again="2026-12-01")
                ).encode(),
            ),
            _said(1, b"", encode(Problem("urn:freespan:problem:not_opened", "x", 400, "y")).encode()),
            _said(1, b"", encode(Problem("urn:freespan:problem:version", "x", 400, "y")).encode()),
            _said(8, b"9", encode(Problem("urn:freespan:problem:busy", "x", 503, "y")).encode()),
            _said(0, b"", encode(TurnCredentials(1, [IceServer(["turn:h.example"], "n", "w")])).encode()),
            _said(
                7, b"30", encode(Problem("urn:freespan:problem:no_bridge", "No bridge", 503, "come\u0007back")).encode()
            ),
            _said(64, b"x", b'{"version": 2, "answer": "v=0"}'),
            _said(3, "\u00b2".encode("latin-1"), b"<html>"),
        ),
        (
            b'"type":',
            b'"detail":',
            b'"status":',
            b"urn:freespan:problem:",
            b"\\u0000",
            b"\\u2028",
            b"\\ud800",
            b"no_bridge",
            b"invite_quota",
            b"not_opened",
            b'"retry_after":',
            b'"amount":',
            b'"again":',
        ),
    ),
)
