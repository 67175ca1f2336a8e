"""Checks and filters for session descriptions (SDP: RFC 8866, RFC 8839, RFC 8841).

Only what protects the other side is checked; the WebRTC engine parses the rest. The browser's bridge has the same
filter in JavaScript.
"""

from __future__ import annotations

import ipaddress
import re

from freespan.wire.addresses import Address, is_public
from freespan.wire.errors import MessageError
from freespan.wire.limits import SDP_MAX

_NEEDED = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:")
_CANDIDATES_MAX = 32
_HOLDS_CANDIDATE = re.compile("candidate:", re.IGNORECASE)
_NOT_PRINTABLE_ASCII = re.compile("[^ -~]")
# The exact grammar (RFC 8839 section 5.1): an engine that splits a line differently would see another candidate.
_OVER_UDP = re.compile(r"a=candidate:[!-~]+ [0-9]+ (?i:udp) [0-9]+ [!-~]+ [0-9]+ typ [ -~]+")
# No end has an address in these (RFC 6890), though some versions of the standard library call them global.
_SPECIAL_PURPOSE = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("2001::/23"))
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # RFC 4291 section 2.4
# All lines that a data channel needs, by exact names, since engines differ in what else they take for a candidate.
_KEPT = ("v=", "o=", "s=", "t=")
_KEPT_ATTRIBUTE = re.compile(
    r"a=(ice-ufrag|ice-pwd|ice-options|ice-lite|fingerprint|setup|mid|group|sctp-port|max-message-size|sendrecv"
    r"|msid-semantic|extmap-allow-mixed)(:|$)"
)


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
    """The DTLS roles (RFC 8842) in a description, for the session and for its media section."""
    return {line.removeprefix("a=setup:") for line in lines if line.startswith("a=setup:")}


def filter_sdp(sdp: str, *, allow_private: bool) -> str:
    """Return a description without the candidates that must not reach the WebRTC engine of an end.

    TCP candidates (RFC 6544) are always taken out, because they would make the engine connect to any port of any
    service; so are lines with control characters, which some engines take for the end of a line, and candidates after
    the 32nd. With `allow_private` false, so are private addresses (`without_private_addresses`).

    The twin in JavaScript is `filterSdp` (bridge/sdp.js); tests/vectors/sdp.json holds both to the same results.
    """
    passed: list[str] = []
    candidates = 0
    for line in _lines(sdp):
        if not line or _NOT_PRINTABLE_ASCII.search(line):
            continue
        if _HOLDS_CANDIDATE.search(line):
            allowed = _OVER_UDP.fullmatch(line) and (line if allow_private else _public_candidate(line))
            if not allowed or candidates == _CANDIDATES_MAX:
                continue
            candidates += 1
            passed.append(allowed)
        elif kept := line if allow_private else _public_line(line):
            passed.append(kept)
    return "".join(f"{line}\r\n" for line in passed)


def without_private_addresses(sdp: str) -> str:
    """Return a description with public UDP candidates alone: no private address, host name, or default address.

    Otherwise a client could make a volunteer's browser send connectivity checks into its own network; and neither side
    needs to know the other's network. Only the lines that a data channel needs are kept.
    """
    return filter_sdp(sdp, allow_private=False)


def public_addresses(sdp: str) -> set[Address]:
    """Return the public addresses of an end itself, from its `host` and `srflx` candidates."""
    found: set[Address] = set()
    for line in _lines(sdp):
        parts = line.split()
        own = _OVER_UDP.fullmatch(line) and parts[7:8] in (["host"], ["srflx"])
        if own and _is_public_text(parts[4]):
            found.add(ipaddress.ip_address(parts[4]))
    return found


def _public_line(line: str) -> str:
    """Return the line without private addresses, or an empty text."""
    if line.startswith("c="):
        return "c=IN IP4 0.0.0.0"
    if line.startswith("m="):
        # Together with c=, this means that there is no default candidate (RFC 8840 section 4.1.1).
        return re.sub(r"^(m=[^ ]+) [^ ]+", r"\1 9", line)
    # end-of-candidates is dropped: checks of the other side can still reveal an address that was taken out.
    return line if line.startswith(_KEPT) or _KEPT_ATTRIBUTE.match(line) else ""


def _public_candidate(line: str) -> str:
    """A UDP candidate without its related address, or nothing if its own address is not public."""
    # a=candidate:<foundation> <component> <transport> <priority> <address> <port> … raddr <address> rport <port>
    parts = line.split()
    if not _is_public_text(parts[4]):
        return ""
    for i, part in enumerate(parts[:-1]):
        if part.lower() == "raddr":
            parts[i + 1] = "0.0.0.0"
    return " ".join(parts)


def _is_public_text(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if "%" in text or any(address in network for network in _SPECIAL_PURPOSE):
        return False
    return is_public(address) and (address.version == 4 or address in _GLOBAL_UNICAST)


def _lines(sdp: str) -> list[str]:
    """Split at CRLF or LF, as every parser behind these checks does (RFC 8866 section 9)."""
    return [line.removesuffix("\r") for line in sdp.split("\n")]


def _check_description(field: str, sdp: str) -> list[str]:
    if len(sdp) > SDP_MAX:
        raise MessageError(field, f"is longer than {SDP_MAX} characters")
    lines = _lines(sdp)
    if lines[0] != "v=0":
        raise MessageError(field, "is not a session description: its first line must be v=0")
    if not all(line.isprintable() for line in lines):
        # Some parser could take it for the end of a line, and the rest for a line that nobody has checked.
        raise MessageError(field, "has control characters inside its lines")
    media = [line for line in lines if line[:2].lower() == "m="]
    if len(media) != 1 or not media[0].startswith("m=application "):
        raise MessageError(field, "must have one m=application section and no other")
    for needed in _NEEDED:
        if not any(line.startswith(needed) for line in lines):
            raise MessageError(field, f"has no {needed.rstrip(':')} line")
    if sum(line.lower().startswith("a=candidate:") for line in lines) > _CANDIDATES_MAX:
        raise MessageError(field, f"has more than {_CANDIDATES_MAX} candidates")
    return lines
