"""Checks on session descriptions (RFC 8866, RFC 8839, RFC 8841) that cross the broker.

Only what protects the other side is checked; the WebRTC engine parses the rest.
"""

from __future__ import annotations

from freespan.wire.errors import MessageError
from freespan.wire.limits import SDP_MAX

_NEEDED = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:")
_CANDIDATES_MAX = 64


def check_offer(sdp: str) -> str:
    """Return an offer that a bridge may be given: one data section, `a=setup:actpass`.

    Raises:
        MessageError: field `offer`.
    """
    lines = _check_description("offer", sdp)
    if _roles(lines) != {"actpass"}:
        raise MessageError("offer", "must have a=setup:actpass, so that the bridge is the DTLS client")
    return sdp


def check_answer(sdp: str) -> str:
    """Return an answer that a client may be given: one data section, `a=setup:active`.

    Raises:
        MessageError: field `answer`.
    """
    lines = _check_description("answer", sdp)
    if _roles(lines) != {"active"}:
        raise MessageError("answer", "must have a=setup:active, so that the bridge is the DTLS client")
    return sdp


def _roles(lines: list[str]) -> set[str]:
    """The DTLS roles that a description names (RFC 8842), for the session and for its section."""
    return {line.removeprefix("a=setup:") for line in lines if line.startswith("a=setup:")}


def _check_description(field: str, sdp: str) -> list[str]:
    if len(sdp) > SDP_MAX:
        raise MessageError(field, f"is longer than {SDP_MAX} characters")
    lines = [line.removesuffix("\r") for line in sdp.split("\n")]
    if lines[0] != "v=0":
        raise MessageError(field, "is no session description: its first line must be v=0")
    media = [line for line in lines if line.startswith("m=")]
    if len(media) != 1 or not media[0].startswith("m=application "):
        raise MessageError(field, "must have one m=application section and no other")
    for needed in _NEEDED:
        if not any(line.startswith(needed) for line in lines):
            raise MessageError(field, f"has no {needed.rstrip(':')} line")
    if sum(line.startswith("a=candidate:") for line in lines) > _CANDIDATES_MAX:
        raise MessageError(field, f"has more than {_CANDIDATES_MAX} candidates")
    return lines
