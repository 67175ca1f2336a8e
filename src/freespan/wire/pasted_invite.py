"""Finds the invite in whatever text somebody has pasted.

Of a text, only letters, digits, `-` and `_` can belong to an invite, so everything else is left out: line ends, the
marks of quoted mail, brackets, words of other scripts. What follows `freespan2_` says by itself how long it is, so
words behind it do no harm. Where a text can be read in several ways, such as a dash that was one hyphen or two, each
way is tried: the check sum of the invite decides, and no reading is ever guessed.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator

from freespan.wire.errors import InviteError
from freespan.wire.invite import PREFIX, TEXT_MAX, VERSION, Invite, parse_invite
from freespan.wire.pasted_text import plain_text

_CHECK_BYTES = 4
_TAG = re.compile(r"<[A-Za-z/!][^<>]{0,4000}>")
_EMPHASIS = re.compile(r"</?(?:em|i)>", re.IGNORECASE | re.ASCII)
_NAME = re.compile("freespan", re.IGNORECASE | re.ASCII)
_OTHERS = re.compile(r"[^A-Za-z0-9_*\n\u2012-\u2015\u2e3a\u2e3b\ufe58-]+")
"""What can be no part of an invite. An asterisk may have been an underscore, and a dash one hyphen or several."""
_WRAPPED_HYPHEN = re.compile("-\n+")
_MAY_BE_NO_HYPHEN = "\n"
"""Stands for a hyphen at the end of a line, which may have been put there when the line was broken."""
_WAYS = {
    "*": ("_", ""),
    _MAY_BE_NO_HYPHEN: ("-", ""),
    "\u2012": ("-", "--"),
    "\u2013": ("--", "-"),
    "\u2014": ("--", "-", "---"),
    "\u2015": ("--", "-", "---"),
    "\u2e3a": ("--", "---", "-"),
    "\u2e3b": ("---", "--", "-"),
    "\ufe58": ("--", "-", "---"),
}
_DOUBTFUL = re.compile("[" + "".join(_WAYS) + "]")
_DOUBTS_MAX = 6
"""Of so many characters of an invite, each way to read them is tried together with each way to read the others."""
_BEGIN = re.compile(r"freespan([0-9]{1,4})([_*]?)(?=([l-n])?)", re.IGNORECASE | re.ASCII)
"""An invite of this version goes on with one of these letters, which is the first byte of a list in MessagePack."""
_BEHIND_BEGIN = re.compile(rf"(?:\A|{VERSION}[_*])(?=l[qrt])")
"""Where an invite goes on whose beginning is missing."""
_CANDIDATES_MAX = 500
_READINGS_MAX = 400
"""Bounds on the work for one text: how many times what looks like an invite is read, at once and in other ways."""
_KEY_HEADER = b"\xc4\x20"
"""What a key begins with, which is 32 bytes in MessagePack."""
_VALUES_MAX = 64
"""Values in an invite, in all of its lists: it has some thirty at most, and a later version a few more."""
_SIZES = (1, 2, 4, 1, 2, 4, *[0] * 15, 1, 2, 4)
_FIXED = (0, 0, 0, 1, 1, 1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17, 0, 0, 0)
_LENGTHS = dict(enumerate(zip(_SIZES, _FIXED, strict=True), start=0xC4))
"""By the first byte of a value in MessagePack: the bytes that say how long it is, and how many more it has anyway."""
_LOOK_ALIKE = str.maketrans(
    "АВЕКМНОРСТУХЅІЈԌԚԜаеорсухіјѕһԁԛԝɡΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν\u02d7\u058a\u05be\u1806\u2043\u2796",
    "ABEKMHOPCTYXSIJGQWaeopcyxijshdqwgABEZHIKMNOPTYXoiv------",
)
"""Letters of Cyrillic and Greek that look like Latin ones, and hyphens of other scripts."""

_AGAIN = "is cut off or mistyped: copy the whole invite again"
SEVERAL = "holds several invites: leave one"
_NONE = f"is not an invite: one begins with {PREFIX!r}"
_A_LINK = (
    "is not an invite but a link that has lost the one behind its #: copy the whole link, or ask whoever sent it to"
    " send it again"
)
_A_HOST = f"is not an invite but an address: an invite begins with {PREFIX!r}; ask whoever runs the host for one"
_JOIN_LINK = re.compile(r"/join\b", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(r"https?://|[a-z0-9-]\.[a-z]{2,}/|<freespan-switch", re.IGNORECASE | re.ASCII)


def looks_like_invite(text: str) -> bool:
    """Whether somebody has meant this to be an invite: the word that it begins with is somewhere in it."""
    return re.search(r"freespan[0-9]{1,4}_", _compact(plain_text(text)), re.IGNORECASE | re.ASCII) is not None


def find_invite(text: str) -> Invite:
    """Return the one invite in a text; in time that is linear in its length.

    Raises:
        InviteError: there is none, or several that differ, or one that cannot be used; it says which.
    """
    plain = plain_text(text)
    search = _Search(_compact(plain))
    found = set(search.invites())
    if len(found) > 1:
        raise InviteError(SEVERAL)
    if found:
        return found.pop()
    raise InviteError(search.fault or _what_else(plain))


def _what_else(plain: str) -> str:
    """What a text without anything like an invite is."""
    if not _ADDRESS.search(plain):
        return _NONE
    return _A_LINK if _JOIN_LINK.search(plain) else _A_HOST


def _compact(plain: str) -> str:
    """A text without what can be no part of an invite."""
    plain = _EMPHASIS.sub("*", plain)
    plain = _TAG.sub(lambda tag: tag[0] if _NAME.search(tag[0]) else "", plain)
    plain = plain.translate({code: letter for code in set(map(ord, plain)) if (letter := _latin(code)) is not None})
    kept = _OTHERS.sub("", plain)
    return _WRAPPED_HYPHEN.sub("\0", kept).replace("\n", "").replace("\0", _MAY_BE_NO_HYPHEN)


def _latin(code: int) -> str | None:
    """What a compatibility form, a digit or a look-alike of another script stands for."""
    if code < 0x80 or chr(code) in _WAYS:
        return None
    letter = chr(code).translate(_LOOK_ALIKE)
    if not letter.isascii():
        digit = unicodedata.decimal(letter, None)
        letter = unicodedata.normalize("NFKC", letter) if digit is None else str(digit)
    return letter if re.fullmatch("[A-Za-z0-9_-]+", letter) else None


class _Search:
    """The search in one text; `fault` says afterwards what is wrong with what looked most like an invite."""

    def __init__(self, compact: str) -> None:
        self._compact = compact
        self._readings_left = _READINGS_MAX
        self._rank = 0
        self.fault = ""

    def invites(self) -> list[Invite]:
        """Every invite as it stands there; those that need another reading only if there is none."""
        places = list(itertools.islice(self._places(), _CANDIDATES_MAX))
        found = [self._attempt(next(_readings(self._body(at)))) for at in places]
        if not any(found):
            found = [self._reread(self._body(at)) for at in places]
        return [invite for invite in found if invite is not None]

    def _body(self, at: int) -> str:
        return self._compact[at : at + TEXT_MAX + _DOUBTS_MAX]

    def _places(self) -> Iterator[int]:
        """Where the contents of an invite of this version may begin."""
        is_begun = False
        for begin in _BEGIN.finditer(self._compact):
            version, underscore, payload = begin.groups()
            if not (underscore or payload):
                continue  # the word, and a number
            is_begun = True
            if int(version) < VERSION:
                self._blame(2, "is of an earlier version: ask whoever gave it to you for a new one")
            elif version != str(VERSION):
                self._blame(2, "is of a later version: update freespan to use it")
            elif payload in ("l", "m", "n"):
                yield begin.end()
            else:
                self._blame(1, _AGAIN + _why_not_begun(self._compact[begin.end() : begin.end() + TEXT_MAX]))
        if not is_begun:
            for begin in _BEHIND_BEGIN.finditer(self._compact):
                yield begin.end()

    def _reread(self, body: str) -> Invite | None:
        for reading in itertools.chain(_readings(body), _with_underscore(next(_readings(body)))):
            if not self._readings_left:
                break
            self._readings_left -= 1
            if (invite := self._attempt(reading)) is not None:
                return invite
        if self._rank < 3:
            self._blame(3, _AGAIN + _why_wrong(next(_readings(body))))
        return None

    def _attempt(self, reading: str) -> Invite | None:
        """The invite that a reading begins with."""
        length = _length(reading)
        if length is None or length > len(reading) or not _is_whole(reading[:length]):
            return None
        try:
            return parse_invite(PREFIX + reading[:length])
        except InviteError as error:
            if not error.reason.startswith(_AGAIN):
                self._blame(4, error.reason)
            return None

    def _blame(self, rank: int, fault: str) -> None:
        """What looked more like an invite counts; of two alike, the first."""
        if rank > self._rank:
            self._rank, self.fault = rank, fault


def _readings(body: str) -> Iterator[str]:
    """All ways to read what is doubtful, up to a bound; the likeliest first."""
    pieces = _DOUBTFUL.split(body)
    doubts = [_WAYS[mark] for mark in _DOUBTFUL.findall(body)]
    first, rest = doubts[:_DOUBTS_MAX], doubts[_DOUBTS_MAX:]
    for number in range(max(map(len, rest), default=1)):
        alike = [ways[min(number, len(ways) - 1)] for ways in rest]
        for chosen in itertools.product(*first):
            yield "".join(map(str.__add__, pieces, (*chosen, *alike, "")))


def _with_underscore(reading: str) -> Iterator[str]:
    """A reading with an underscore in each place where one may have been taken for a mark of emphasis."""
    begin = _bytes_of(reading[:8])
    keys = {0xD9: 3 + begin[2]}.get(begin[1], 2 + (begin[1] & 0x1F)) if len(begin) > 2 else 0
    for at in range(1, min(len(reading), TEXT_MAX) + 1):
        changed = f"{reading[:at]}_{reading[at:]}"
        if at < 8 or _bytes_of(changed[: (keys + 4) * 4 // 3])[keys:].startswith(_KEY_HEADER):
            yield changed


def _is_whole(reading: str) -> bool:
    """Whether the check sum is right: sooner than `parse_invite` says, since many readings are tried."""
    raw = _bytes_of(reading)
    return hashlib.sha256(raw[:-_CHECK_BYTES]).digest()[:_CHECK_BYTES] == raw[-_CHECK_BYTES:]


def _bytes_of(reading: str) -> bytes:
    return base64.urlsafe_b64decode(reading + "A" * (-len(reading) % 4))[: len(reading) * 3 // 4]


def _length(reading: str) -> int | None:
    """How many characters an invite has that goes on like this; None if its contents do not end in what there is."""
    raw = _bytes_of(reading[:TEXT_MAX])
    at, values = 0, 1
    for _ in range(_VALUES_MAX):
        if not values:
            break
        if at >= len(raw):
            return None
        first = raw[at]
        at, values = at + 1, values - 1
        if 0x80 <= first < 0x90:
            values += 2 * (first & 0x0F)
        elif 0x90 <= first < 0xA0:
            values += first & 0x0F
        elif 0xA0 <= first < 0xC0:
            at += first & 0x1F
        elif first in _LENGTHS:
            size, more = _LENGTHS[first]
            at += size + more + int.from_bytes(raw[at : at + size])
        elif 0xDC <= first < 0xE0:
            size = 2 if first % 2 == 0 else 4
            values += (1 if first < 0xDE else 2) * int.from_bytes(raw[at : at + size])
            at += size
    return None if values else -(-(at + _CHECK_BYTES) * 4 // 3)


def _why_not_begun(body: str) -> str:
    if not body:
        return " (nothing stands behind its beginning)"
    if len(body) > 40 and body == body.upper():
        return " (all its letters have become capitals)"
    return ""


def _why_wrong(reading: str) -> str:
    if len(reading) > 40 and reading == reading.lower():
        return " (all its letters have become small)"
    length = _length(reading)
    if length is None or length > len(reading):
        return " (its end is missing)"
    if length == len(reading):
        return " (none of its characters is missing, but some are wrong)"
    return " (some of its characters are missing or wrong)"
