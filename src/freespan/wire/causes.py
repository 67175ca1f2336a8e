"""Why a host gave no answer: one code, one sentence and what to do for each thing that can go wrong on the way. Pure.

    what happened                              told by
    a name, a route, a connection, TLS   ──▶   `cause(code)`, from an exception: `link/asking.py`
    a certificate                        ──▶   `cause_of_certificate`
    a status that no host sends          ──▶   `cause_of_status`
    an answer that is none of a host's   ──▶   `cause(NO_HOST)`

A sentence says what was seen, and never more than that: nobody throws away an invite, or gives up an address, because
a server was down. No sentence names anybody. What a status says comes from whoever has answered, who need not be the
host, so nothing of it is final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from freespan.wire.span_text import span_text

Place = Literal["host", "front"]
"""Who was asked: the host at its own URL, or at a front."""
Asker = Literal["reader", "volunteer"]
"""Who has asked, and so who is told what to do."""

NO_NETWORK = "no_network"
DNS_NO_NAME, DNS_NO_ANSWER, DNS_TIMEOUT, DNS_FORGED = "dns_no_name", "dns_no_answer", "dns_timeout", "dns_forged"
REFUSED, UNREACHABLE, NOT_ALLOWED, NO_FILES = "refused", "unreachable", "not_allowed", "no_files"
CONNECT_TIMEOUT, TLS_TIMEOUT, ANSWER_TIMEOUT = "connect_timeout", "tls_timeout", "answer_timeout"
TLS_CUT, TLS_REFUSED, NO_TLS, CUT = "tls_cut", "tls_refused", "no_tls", "cut"
CLOCK = "clock"
EXPIRED, NOT_YET_VALID = "certificate_expired", "certificate_not_yet_valid"
UNKNOWN_ISSUER, WRONG_NAME = "certificate_unknown_issuer", "certificate_wrong_name"
BAD_CERTIFICATE, NO_AUTHORITIES = "certificate_bad", "no_authorities"
GATEWAY, SERVER_ERROR, NOT_FOUND, NO_HOST = "gateway", "server_error", "not_found", "no_host"
CHALLENGE = "challenge"
FORBIDDEN, LEGAL, TOO_MANY, REJECTED = "forbidden", "blocked_by_law", "too_many", "rejected"
REDIRECT, LOGIN, PASSWORD, NO_UPGRADE = "redirect", "login", "password", "no_upgrade"
HTTP2_ONLY, TOO_LARGE, LENGTH_REQUIRED = "http2_only", "too_large", "length_required"
NOT_OPENED, BAD_ANSWER = "not_opened", "bad_answer"
UNKNOWN = "unreachable_somehow"

_BLOCK = "it looks like a block; try another network{front}"
_DOWN = "it seems to be down; wait, or tell whoever runs it"
_LOGIN = "open any http page in a browser and log in to this network"
_RESOLVER = "check the connection of this machine and its resolver"
_TELL = "tell whoever runs the host"

_TEXTS: dict[str, tuple[str, str]] = {
    NO_NETWORK: ("this machine has no way to the internet", "connect it, and this goes on by itself"),
    DNS_NO_NAME: (
        "the name of the {place} does not exist, says the resolver of this network (DNS)",
        "the network may hide it; try another network or resolver, or ask whoever runs the host",
    ),
    DNS_NO_ANSWER: ("no resolver answers on this network (DNS)", _RESOLVER),
    DNS_TIMEOUT: ("resolving the name of the {place} took too long (DNS)", _RESOLVER),
    DNS_FORGED: (
        "in this network the name of the {place} leads to a private address, as blocks and login pages do (DNS)",
        "log in to the network, or try another network or resolver",
    ),
    REFUSED: ("the {place} refuses the connection", _DOWN),
    UNREACHABLE: ("no way leads from this network to the {place}", "check the connection, or try another network"),
    NOT_ALLOWED: ("this machine does not allow the connection", "a firewall or a sandbox forbids it; allow freespan"),
    NO_FILES: ("this machine has no open files left for a connection", "close other programs, or raise ulimit -n"),
    CONNECT_TIMEOUT: ("the {place} did not take the connection in time", "it is down, or this network blocks it"),
    TLS_TIMEOUT: ("the {place} takes connections, but TLS with it came to nothing in time", _BLOCK),
    TLS_CUT: ("the connection to the {place} was cut while TLS began", _BLOCK),
    TLS_REFUSED: (
        "the {place} refuses TLS for this name",
        f"another server may have its address now; {_TELL}",
    ),
    NO_TLS: (
        "what answers at the address of the {place} does not speak TLS",
        f"log in to this network if it asks you to, or {_TELL}",
    ),
    CUT: ("the {place} closed the connection without an answer", "wait; if it stays so, try another network"),
    ANSWER_TIMEOUT: ("the {place} took the request, but did not answer in time", _DOWN),
    CLOCK: ("this machine's clock seems to be {offset}", "set it right; certificates are checked by it"),
    EXPIRED: ("the certificate of the {place} has expired{ago}", f"check this machine's clock, or {_TELL}"),
    NOT_YET_VALID: ("the certificate of the {place} is not valid yet", "this machine's clock seems to be behind"),
    UNKNOWN_ISSUER: (
        "the certificate of the {place} is of an unknown issuer",
        "a login page, a virus scanner or somebody else reads along. Nothing was sent; try another network",
    ),
    WRONG_NAME: (
        "the certificate at the address of the {place} is for another name",
        f"a login page of this network, or another server. Nothing was sent; log in, or {_TELL}",
    ),
    BAD_CERTIFICATE: ("the certificate of the {place} cannot be trusted", f"nothing was sent; {_TELL}"),
    NO_AUTHORITIES: (
        "this machine has no list of certificate authorities",
        "install one (ca-certificates, or for Python on macOS: Install Certificates.command)",
    ),
    GATEWAY: (
        "a server in front of the host answers, but the host behind it does not ({status})",
        "the host is down{good}; wait, or tell whoever runs it",
    ),
    SERVER_ERROR: ("the server at the address of the {place} reports an error of its own ({status})", _DOWN),
    NOT_FOUND: (
        "a server answers at the address of the {place}, but there is no host at this path ({status})",
        "{check}the host was moved, or the server in front of it leads elsewhere; ask whoever runs it",
    ),
    NO_HOST: (
        "what answers at the address of the {place} is no host",
        f"a login page of this network, or a server in front of the host; log in, or {_TELL}",
    ),
    FORBIDDEN: (
        "somebody between here and the host forbids the request ({status})",
        f"a filter of this network or a server in front of the host; try another network, or {_TELL}",
    ),
    CHALLENGE: (
        "a server in front of the host lets browsers pass alone ({status})",
        f"{_TELL}; it must let everybody pass below the path of the host, without a challenge",
    ),
    LEGAL: (
        "the address of the {place} is blocked for legal reasons here (451)",
        "try another network{front}",
    ),
    TOO_MANY: (
        "what answers at the address of the {place} takes no more requests from this network now ({status})",
        "wait a minute",
    ),
    REJECTED: (
        "a server in front of the host does not pass the request on ({status})",
        f"{_TELL}; it must pass every request to the host",
    ),
    REDIRECT: (
        "the address of the {place} leads to another one, which is not followed ({status})",
        f"log in to this network if it asks you to, or {_TELL}",
    ),
    LOGIN: ("this network wants a login first ({status})", _LOGIN),
    PASSWORD: (
        "the server at the address of the {place} wants a password ({status})",
        f"{_TELL}; nothing in front of it may ask for one",
    ),
    NO_UPGRADE: (
        "the server at the address of the {place} does not pass WebSockets on ({status})",
        f"{_TELL}; the server in front of it must pass Upgrade",
    ),
    HTTP2_ONLY: (
        "the server at the address of the {place} speaks HTTP/2 alone",
        f"{_TELL}; WebSockets need HTTP/1.1 beside it (ALPN http/1.1)",
    ),
    TOO_LARGE: (
        "a server in front of the host takes no request as long as those of readers ({status})",
        f"{_TELL}; it must take 64 KiB at least",
    ),
    LENGTH_REQUIRED: (
        "a server in front of the host takes no request that does not tell its length before ({status})",
        f"{_TELL}; it must take Transfer-Encoding chunked",
    ),
    NOT_OPENED: (
        "by the word of what answers at its address, the host has another key than the invite says",
        "if it stays so, the host has changed its key; nothing was sent. Ask for a new invite",
    ),
    BAD_ANSWER: (
        "the host has answered something that this version does not understand",
        f"update freespan, or {_TELL}",
    ),
    UNKNOWN: ("the {place} cannot be reached", "check the connection of this machine"),
}

_UNAVAILABLE = "the server at the address of the {place} says that the host is not available now ({status})"
"""What 503 says: a server in front of the host, or the host itself when it is full."""
_FOR_READERS = {"front": ", or ask for an invite with a front", "good": ", and the invite still good", "check": ""}
_FOR_VOLUNTEERS = {"front": "", "good": "", "check": "check the address; "}

CODES = frozenset(_TEXTS)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a host gave no answer.

    Attributes:
        code: one of `CODES`, for programs.
        sentence: what was seen; a phrase for a person, which names nobody.
        advice: what to do; the same.
    """

    code: str
    sentence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.sentence}: {self.advice}"


def cause(
    code: str,
    place: Place = "host",
    *,
    asker: Asker = "reader",
    status: int = 0,
    offset: float = 0.0,
    is_least: bool = False,
    ago: float = 0.0,
) -> Cause:
    """The cause with this code.

    Args:
        code: one of `CODES`.
        place: who was asked.
        asker: who has asked.
        status: the HTTP status, where the sentence has one.
        offset: for `CLOCK`, by how many seconds the machine's clock is ahead of the true time.
        is_least: whether it may be off by more than that.
        ago: for `EXPIRED`, since how many seconds, if that is known.
    """
    sentence, advice = _TEXTS[code]
    if code == GATEWAY and status == 503:
        sentence = _UNAVAILABLE
    since = f" {span_text(ago)} ago" if ago > 0 else ""
    off = f"{'at least ' if is_least else ''}{offset_text(offset)}"
    text = sentence.format(place=place, status=status, offset=off, ago=since)
    return Cause(code, text, advice.format_map(_FOR_READERS if asker == "reader" else _FOR_VOLUNTEERS))


_OF_THIS_MACHINE = frozenset({NO_NETWORK, CLOCK, NO_AUTHORITIES, NOT_ALLOWED, NO_FILES})
"""What speaks for itself, whatever has become of other questions at the same time."""
_FAR = frozenset({NOT_OPENED, GATEWAY, SERVER_ERROR, TOO_MANY})
"""What was heard from nearest to the host."""


def combined_cause(found: Sequence[Cause]) -> Cause | None:
    """What several questions by different ways amount to, which had these causes; None for none.

    Each thing that was seen is said once. The advice is that of the way that has led furthest.
    """
    different = list({each.sentence: each for each in found}.values())
    for each in different:
        if each.code in _OF_THIS_MACHINE:
            return each
    if len(different) < 2:
        return different[0] if different else None
    furthest = next((each for each in different if each.code in _FAR), different[0])
    return Cause(furthest.code, ", and ".join(each.sentence for each in different), furthest.advice)


# --- clocks --------------------------------------------------------------------------------------
CLOCK_OFFSET_MIN = 300.0
"""A clock that is off by less (seconds) is right enough for everything here."""


def clock_offset(date: str, now: float) -> float | None:
    """By how many seconds the local clock is ahead of an HTTP date (RFC 9110 section 5.6.7); None without a date.

    `now` is the local time in seconds since 1970, from the moment in which the answer came.
    """
    from email.utils import parsedate_to_datetime  # it takes a while to load, and most clocks are right

    try:
        then = parsedate_to_datetime(date.strip()).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return now - then


def offset_text(offset: float) -> str:
    """`3 days behind`, `2 hours ahead`: what is to be said of a clock."""
    return f"{span_text(abs(offset))} {'ahead' if offset > 0 else 'behind'}"


# --- certificates --------------------------------------------------------------------------------
_VERIFY_CODES = {
    # X509_V_ERR_… of OpenSSL (x509_vfy.h)
    9: NOT_YET_VALID,
    10: EXPIRED,
    13: NOT_YET_VALID,
    14: EXPIRED,
    2: UNKNOWN_ISSUER,
    7: UNKNOWN_ISSUER,
    18: UNKNOWN_ISSUER,
    19: UNKNOWN_ISSUER,
    20: UNKNOWN_ISSUER,
    21: UNKNOWN_ISSUER,
    27: UNKNOWN_ISSUER,
    62: WRONG_NAME,
    64: WRONG_NAME,
}
DATE_CODES = frozenset({EXPIRED, NOT_YET_VALID})
"""What a wrong clock makes of a good certificate."""


def cause_of_certificate(
    verify_code: int,
    place: Place = "host",
    *,
    asker: Asker = "reader",
    offset: float | None = None,
    is_least: bool = False,
    ago: float = 0.0,
    has_authorities: bool = True,
) -> Cause:
    """Why a certificate was not accepted.

    Args:
        verify_code: `ssl.SSLCertVerificationError.verify_code`.
        place: who was asked.
        asker: who has asked.
        offset: by how many seconds the local clock is ahead, by the word of somebody who has shown a certificate that
            is right but for its dates, and that is valid at the time that they say. None where nobody has said so.
        is_least: whether the clock may be off by more.
        ago: since when the certificate has expired by the local clock, in seconds.
        has_authorities: whether this machine has any certificate authorities to trust.
    """
    code = _VERIFY_CODES.get(verify_code, BAD_CERTIFICATE)
    if code == UNKNOWN_ISSUER and not has_authorities:
        return cause(NO_AUTHORITIES)
    if code in DATE_CODES and offset is not None and abs(offset) >= CLOCK_OFFSET_MIN:
        return cause(CLOCK, offset=offset, is_least=is_least)
    return cause(code, place, asker=asker, ago=ago)


# --- what a server says ----------------------------------------------------------------------------
_GATEWAY = frozenset({502, 503, 504, *range(520, 528), 530})
"""A server in front that does not get an answer of the host; 520 and above are those of a large CDN."""
_NOT_UPGRADED = frozenset({101, 200, 400, 405, 426, 501})
_CHALLENGES = ("Cf-Mitigated", "X-Amzn-Waf-Action")
"""Headers of what wants to know whether it speaks with a browser."""
_STATUS_CODES = {
    401: PASSWORD,
    403: FORBIDDEN,
    404: NOT_FOUND,
    407: LOGIN,
    408: CUT,
    410: NOT_FOUND,
    411: LENGTH_REQUIRED,
    413: TOO_LARGE,
    426: NO_UPGRADE,
    429: TOO_MANY,
    451: LEGAL,
    505: HTTP2_ONLY,
    511: LOGIN,
}
_PORTAL_WORDS = ("login", "logon", "signin", "portal", "captive", "hotspot", "guest", "wifi", "auth", "splash")


def cause_of_status(
    status: int,
    headers: Mapping[str, str],
    url: str,
    place: Place = "host",
    *,
    asker: Asker = "reader",
    wants_upgrade: bool = False,
) -> Cause:
    """Why an answer with this HTTP status is none of a host's.

    Args:
        status: the HTTP status.
        headers: of the answer.
        url: what was asked for, to which a redirect may be relative.
        place: who was asked.
        asker: who has asked.
        wants_upgrade: whether a WebSocket was asked for.
    """
    return cause(_code_of_status(status, headers, url, wants_upgrade), place, asker=asker, status=status)


def _code_of_status(status: int, headers: Mapping[str, str], url: str, wants_upgrade: bool) -> str:
    if 300 <= status < 400:
        return _redirect(url, headers.get("Location", ""))
    if any(name in headers for name in _CHALLENGES) and status >= 200:
        return CHALLENGE
    if status in _GATEWAY:
        return GATEWAY
    if wants_upgrade and status in _NOT_UPGRADED:
        return NO_UPGRADE
    if status in _STATUS_CODES:
        return _STATUS_CODES[status]
    if status >= 500:
        return SERVER_ERROR
    return REJECTED if status >= 400 else NO_HOST


def _redirect(url: str, location: str) -> str:
    """Whether a redirect leads to what networks show to those who have not logged in."""
    try:
        before, after = urlsplit(url), urlsplit(urljoin(url, location))
    except ValueError:
        return REDIRECT
    is_elsewhere = before.hostname != after.hostname
    words = f"{after.netloc}{after.path}".lower()
    return LOGIN if is_elsewhere and any(word in words for word in _PORTAL_WORDS) else REDIRECT
