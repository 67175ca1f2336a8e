"""Checks and filters for session descriptions (SDP: RFC 8866, RFC 8839, RFC 8841).

Only what protects the other side is checked; the WebRTC engine parses the rest. The browser's bridge has the same
filter in JavaScript.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection
from itertools import islice
from typing import NamedTuple

from freespan.wire.addresses import Address
from freespan.wire.candidates import Candidate, chosen, numeric_addresses, parse_candidate
from freespan.wire.errors import MessageError
from freespan.wire.limits import ICE_PASSWORD_MAX, SDP_LINES_MAX, SDP_MAX, UFRAG_MAX

_UFRAG, _PASSWORD, _FINGERPRINT = "a=ice-ufrag", "a=ice-pwd", "a=fingerprint"
_FORMS = {
    _UFRAG: re.compile(rf"a=ice-ufrag:[A-Za-z0-9+/]{{4,{UFRAG_MAX}}}"),
    _PASSWORD: re.compile(rf"a=ice-pwd:[A-Za-z0-9+/]{{22,{ICE_PASSWORD_MAX}}}"),
    _FINGERPRINT: re.compile(r"a=fingerprint:[A-Za-z0-9-]{1,16} [0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){0,63}"),
}
_ONCE = (_UFRAG, _PASSWORD)
_ONLY_FIRST = {"v=", "o=", "s=", "t=", "c=", *_ONCE}
"""Lines that stand there once, so that a description cannot grow with each one that is written anew."""
_SETUP = "a=setup"
_NEEDED = (*_FORMS, _SETUP, "a=mid", "a=sctp-port")
# With a line feed in front, such a search is five times as fast as with ^; neither is for the first line.
_NEEDED_LINE = re.compile(rf"\n(({'|'.join(_NEEDED)})(?![^:\n]).*)")
_MEDIA_LINE = re.compile(r"\n([mM]=.*)")
_PRINTABLE_ASCII = bytes(range(0x20, 0x7F)) + b"\n"
_HASH_SIZES = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64}
_CANDIDATES_MAX = 32
_CANDIDATES_READ = 64
# All lines that a data channel needs, by exact names, since engines differ in what else they take for a candidate. Not
# end-of-candidates: checks of the other side can still reveal an address that was taken out.
_KEPT = {
    *("v=", "o=", "s=", "t=", "a=ice-ufrag", "a=ice-pwd", "a=ice-options", "a=ice-lite", "a=fingerprint", "a=setup"),
    *("a=mid", "a=group", "a=sctp-port", "a=max-message-size", "a=sendrecv", "a=msid-semantic"),
    "a=extmap-allow-mixed",
}


class Filtered(NamedTuple):
    """A description that may be passed on, and the addresses and mDNS names in it."""

    sdp: str
    addresses: set[str]


def check_offer(sdp: str) -> str:
    """Return an offer that a bridge may be given: one data section, `a=setup:actpass`.

    Raises:
        MessageError: field `offer`.
    """
    if _roles(_check_description("offer", sdp)) != {"actpass"}:
        raise MessageError("offer", "must have a=setup:actpass, so that the bridge is the DTLS client")
    return sdp


def check_answer(sdp: str) -> str:
    """Return an answer that a client may be given: one data section, `a=setup:active`.

    Raises:
        MessageError: field `answer`.
    """
    if _roles(_check_description("answer", sdp)) != {"active"}:
        raise MessageError("answer", "must have a=setup:active, so that the bridge is the DTLS client")
    return sdp


def check_passable(field: str, filtered: Filtered) -> Filtered:
    """Return what a filter has left of a description, if it fits into a message.

    A filter can make a description longer, and so can JSON; an end that got too much would leave its broker.

    Raises:
        MessageError: the given field.
    """
    longest = 2 * (len(filtered.sdp) + 1)  # it is printable ASCII with line ends, of which JSON makes two each at most
    if longest > SDP_MAX and len(json.dumps(filtered.sdp)) > SDP_MAX:
        raise MessageError(field, f"is longer than {SDP_MAX} characters once it is filtered")
    return filtered


def _roles(setup: list[str]) -> set[str]:
    """The DTLS roles (RFC 8842) in a description, for the session and for its media section."""
    return {role for _, colon, role in (line.partition(":") for line in setup) if colon}


def filter_sdp(sdp: str, *, allow_private: bool, only: Collection[str] | None = None) -> str:
    """Return a description with what may reach the WebRTC engine of an end, its candidates written anew.

    TCP candidates (RFC 6544) are always left out, because they would make the engine connect to any port of any
    service; so are lines with control characters, which some engines take for the end of a line, what is no ICE user
    name, password or fingerprint, a second line of a kind that stands there once, and all after the first 128. Of the
    other candidates few pass (`candidates.chosen`): with `only`, those that `named_addresses` has returned for another
    description of the same end. With `allow_private` false, private addresses are left out as well
    (`without_private_addresses`).

    The twin in JavaScript is `filterSdp` (bridge/sdp.js); tests/vectors/sdp.json holds both to the same results.
    """
    return filtered(sdp, allow_private=allow_private, only=only).sdp


def filtered(sdp: str, *, allow_private: bool, only: Collection[str] | None = None) -> Filtered:
    """The same, with what `named_addresses` would return for the result. Every line is looked at once."""
    seen: set[str] = set()
    passed: list[str] = []
    candidates: list[Candidate] = []
    places: list[int] = []
    holding = 0
    for line in _plain_lines(sdp):
        if "candidate:" in line.lower():
            holding += 1
            one = parse_candidate(line, allow_private=allow_private) if holding <= _CANDIDATES_READ else None
            if one is not None and (only is None or one.address in only):
                candidates.append(one)
                places.append(len(passed))
                passed.append("")
            continue
        name = line[:2]
        if name == "a=":
            name = line.partition(":")[0]
        form = _FORMS.get(name)
        if name in seen or (form is not None and not form.fullmatch(line)):
            continue
        if allow_private or name in _KEPT:
            passed.append(line)
        elif name == "c=":
            passed.append("c=IN IP4 0.0.0.0")
        elif name == "m=":
            # Together with c=, this means that there is no default candidate (RFC 8840 section 4.1.1).
            passed.append(_without_port(line))
        if name in _ONLY_FIRST:
            seen.add(name)
    addresses: set[str] = set()
    for position in chosen(candidates):
        passed[places[position]] = candidates[position].line
        addresses.add(candidates[position].address)
    return Filtered("\r\n".join([*filter(None, passed), ""]), addresses)


def without_private_addresses(sdp: str) -> str:
    """Return a description with public UDP candidates alone: no private address, host name, or default address.

    Otherwise a client could make a volunteer's browser send connectivity checks into its own network; and neither side
    needs to know the other's network. Only the lines that a data channel needs are kept.
    """
    return filter_sdp(sdp, allow_private=False)


def named_addresses(sdp: str, *, allow_private: bool) -> set[str]:
    """Return the addresses and mDNS names to which a description would make an end send connectivity checks."""
    return {one.address for one in _candidates(sdp, allow_private=allow_private)}


def public_addresses(sdp: str) -> set[Address]:
    """Return the public addresses of an end itself, from its `host` and `srflx` candidates."""
    return numeric_addresses(one for one in _candidates(sdp, allow_private=False) if one.kind in ("host", "srflx"))


def _candidates(sdp: str, *, allow_private: bool) -> list[Candidate]:
    """The candidates among the first lines that hold any, if they may pass."""
    holding = islice(filter(_holds_candidate, _lines(sdp)), _CANDIDATES_READ)
    parsed = (parse_candidate(line, allow_private=allow_private) for line in holding)
    return [one for one in parsed if one is not None]


def _holds_candidate(line: str) -> bool:
    """Whether some engine could see a candidate in a line."""
    return "candidate:" in line.lower()


def _without_port(media: str) -> str:
    """A media line with the port that stands for none."""
    name, _, rest = media.partition(" ")
    port, space, more = rest.partition(" ")
    return f"{name} 9{space}{more}" if port and name != "m=" else media


def _lines(sdp: str) -> list[str]:
    """The first lines, split at CRLF or LF, as every parser behind these checks does (RFC 8866 section 9)."""
    return _split(_with_line_feeds(sdp))


def _plain_lines(sdp: str) -> list[str]:
    """Those of the first lines that have printable ASCII characters alone, and at least one."""
    text = _with_line_feeds(sdp)
    if text.isascii() and _is_printable(text):
        return [line for line in _split(text) if line]
    return [line for line in _split(text) if line and line.isascii() and line.isprintable()]


def _split(text: str) -> list[str]:
    return text.split("\n", SDP_LINES_MAX)[:SDP_LINES_MAX]


def _with_line_feeds(sdp: str) -> str:
    return sdp.removesuffix("\r").replace("\r\n", "\n")


def _is_printable(text: str) -> bool:
    """Whether all its lines are printable."""
    if text.isascii():  # as nearly all are, and five times as fast to tell
        return not text.encode().translate(None, _PRINTABLE_ASCII)
    return text.replace("\n", "").isprintable()


def _is_whole(fingerprint: str) -> bool:
    """Whether a fingerprint has as many bytes as its hash: engines refuse a description with any other."""
    name, _, value = fingerprint.partition(":")[2].partition(" ")
    return value.count(":") + 1 == _HASH_SIZES.get(name.lower())


def _check_description(field: str, sdp: str) -> list[str]:
    """Check what all descriptions have in common; returns the lines with the DTLS roles."""
    if len(sdp) > SDP_MAX:
        raise MessageError(field, f"is longer than {SDP_MAX} characters")
    if sdp.removesuffix("\n").count("\n") >= SDP_LINES_MAX:
        raise MessageError(field, f"has more than {SDP_LINES_MAX} lines")
    text = _with_line_feeds(sdp)
    if text.partition("\n")[0] != "v=0":
        raise MessageError(field, "is not a session description: its first line must be v=0")
    if not _is_printable(text):
        # Some parser could take it for the end of a line, and the rest for a line that nobody has checked.
        raise MessageError(field, "has control characters inside its lines")
    media = _MEDIA_LINE.findall(text)
    if len(media) != 1 or not media[0].startswith("m=application "):
        raise MessageError(field, "must have one m=application section and no other")
    named: defaultdict[str, list[str]] = defaultdict(list)
    for line, name in _NEEDED_LINE.findall(text):
        named[name].append(line)
    for needed in _NEEDED:
        if needed not in named:
            raise MessageError(field, f"has no {needed} line")
    for name, form in _FORMS.items():
        if not all(map(form.fullmatch, named[name])) or (name in _ONCE and len(named[name]) > 1):
            raise MessageError(field, f"has too many {name} lines, or one that is too long or malformed")
    if not all(map(_is_whole, named[_FINGERPRINT])):
        raise MessageError(field, "has a fingerprint of an unknown hash, or of the wrong length")
    if text.lower().count("\na=candidate:") > _CANDIDATES_MAX:
        raise MessageError(field, f"has more than {_CANDIDATES_MAX} candidates")
    return named[_SETUP]
