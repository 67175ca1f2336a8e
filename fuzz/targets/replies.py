"""What a client makes of any answer of a broker, a front, or whatever stands in between (`client/rendezvous.py`)."""

from __future__ import annotations

from typing import cast

import aiohttp

from freespan.client.rendezvous import Rendezvous, _checked_answer
from freespan.client.settings import ClientSettings
from freespan.wire.errors import MessageError, RendezvousError
from freespan.wire.messages import IceServer, Problem, RendezvousAnswer, TurnCredentials, encode
from fuzz.fuzz_target import FuzzTarget, check_reason
from fuzz.script import Script, piece

_STATUS = (200, 400, 408, 413, 425, 429, 500, 503, 504, 200)
_ANSWER = (
    "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:abcd\r\n"
    "a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\na=setup:active\r\n"
)


def _reply(data: bytes) -> None:
    script = Script(data)
    kind = script.byte()
    status, retry_after = _STATUS[kind % len(_STATUS)], script.piece().decode("latin-1")
    # what is said next asks for no connection
    rendezvous = Rendezvous(cast(aiohttp.ClientSession, None), ["https://host.example"], ClientSettings())
    decode = _checked_answer if kind & 64 else rendezvous._checked_turn_servers
    try:
        rendezvous._understand(status, script.rest(), retry_after, decode)
    except MessageError as error:  # from what is checked after it was decoded
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
        ),
    ),
)
