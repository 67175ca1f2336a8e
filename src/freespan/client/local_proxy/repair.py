"""Mends the heads of HTTP/1.1 messages before the library reads them, which takes none that is malformed. Pure.

What browsers forgive a site is forgiven here: control bytes in a value, a name that is none, a line without a colon,
another way to write the status line. A bad line is dropped, and a bad byte becomes a blank (RFC 9110 section 5.5).

What says where a body ends is never mended. A head is refused in which that is said twice, in a folded line, or in a
line that would have to be mended: the site and the program could read it in two ways (RFC 9112 section 6.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_MAX = 262_144
"""Longest head of a request or a response, in bytes, as in browsers."""
FIELDS_MAX = 2_500
"""Most lines of a head; each takes time to read."""
BLANKS_MAX = 1_024
"""Most bytes of blank lines before a head."""

HEAD_END = re.compile(rb"\n\r?\n")
FORGIVEN_HEAD_END = re.compile(rb"\n\r{0,2}\n")
"""With lines that end in CR, CR and LF, as programs write them that mean CR and LF, and have a system that adds one."""
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LENGTH, _CODING = b"content-length", b"transfer-encoding"
FRAMING = frozenset({_LENGTH, _CODING})
"""Fields that say where a body ends."""
_BEFORE_HTTP = 4
"""So many bytes may stand before the status line, such as a byte order mark."""
_STATUS_START = re.compile(rb"http|icy(?=[ \t/])", re.IGNORECASE)
_STATUS_LINE = re.compile(
    rb"(?:http[a-z]?[ \t]*/[ \t]*(?P<version>[0-9.]+)|http|icy)[^ \t]*[ \t]*(?P<code>[0-9]*)(?P<reason>.*)",
    re.IGNORECASE | re.DOTALL,
)
_BLANK_FOR_BAD = bytes.maketrans(b"\0\n\v\f\r", b"     ")
"""What the library takes in no value; other control bytes are passed on, as sites set cookies with them."""
_PLAIN_VALUE = re.compile(rb"[ -~\t]*")
_UNSEEN = bytes(byte for byte in range(256) if not 0x21 <= byte <= 0x7E and byte != 0x0D)
_HIDDEN_FRAMING = re.compile(rb"(?:^|\r)[^a-z\r]*(?:content-length|transfer-encoding)[^a-z0-9\r:]*:", re.IGNORECASE)
_CHUNKED = b"chunked"
_CODINGS = re.compile(rb"(?:(?!chunked\b)[a-z0-9._-]+[ \t]*,[ \t]*)*[a-z0-9._-]+")
"""Transfer codings without parameters; the chunks are made once, and last (RFC 9112 section 6.1)."""
_SAME_LENGTHS_MAX = 16
"""So often one line may say the same length."""
_DIGITS = re.compile(rb"0*([0-9]{1,18})")


class RepairError(Exception):
    """A head that cannot be mended: it is no HTTP, or says in two ways where its body ends."""


def is_like_a_response(first: bytes | bytearray) -> bool:
    """Whether the first bytes of a site may become a status line, however few have come."""
    start = first[: _BEFORE_HTTP + len(b"http")]
    return len(start) < _BEFORE_HTTP + len(b"http") or _STATUS_START.search(start) is not None


@dataclass(frozen=True, slots=True)
class MendedHead:
    """The head of a response, as the library takes it.

    The library knows no transfer coding but `chunked`. Where there are others, `codings` has them all, as they were
    written, and the fields say `chunked` if that is the last one.
    """

    version: bytes
    code: bytes
    reason: bytes
    fields: list[tuple[bytes, bytes]]
    codings: bytes = b""

    def encode(self) -> bytes:
        """From the status line to the blank line."""
        lines = [b"%s: %s" % field for field in self.fields]
        return b"\r\n".join([b"HTTP/%s %s %s" % (self.version, self.code, self.reason), *lines, b"", b""])


def repaired_response(head: bytes) -> MendedHead:
    """The head of a response, given from the status line to the blank line.

    Raises:
        RepairError: it cannot be mended.
    """
    status_line, *lines = _lines_of(head)
    version, code, reason = _status(status_line)
    fields = _mended_fields(lines)
    _check_framing(fields, version)
    return MendedHead(version, code, reason, *_one_framing(fields))


def _lines_of(head: bytes) -> list[bytes]:
    lines = [line.rstrip(b"\r") for line in head.rstrip(b"\r\n").split(b"\n")]
    if len(lines) > FIELDS_MAX:
        raise RepairError("the head has too many lines")
    return lines


def _status(line: bytes) -> tuple[bytes, bytes, bytes]:
    """The version, the status code, and the reason. A code that is none is 200: as that browsers show it."""
    start = _STATUS_START.search(line[: _BEFORE_HTTP + len(b"http")])
    found = _STATUS_LINE.fullmatch(line, start.start()) if start else None
    if found is None:
        raise RepairError("there is no status line")
    code = found["code"].lstrip(b"0")
    if len(code) != 3:
        code = b"200"
    return _version(found["version"] or b""), code, found["reason"].translate(_BLANK_FOR_BAD).strip(b" \t")


def _version(text: bytes) -> bytes:
    """The version whose rules hold: later ones than 1.1 are 1.1, and what is none is 1.0."""
    numbers = text.split(b".")
    if len(numbers) != 2 or not all(number.isdigit() and len(number) < 4 for number in numbers):
        return b"1.0"
    return b"1.1" if (int(numbers[0]), int(numbers[1])) >= (1, 1) else b"1.0"


def _mended_fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The fields of a head, without the lines that are none. Raises `RepairError`."""
    fields: list[tuple[bytes, bytes]] = []
    follows_a_field = False
    for line in lines:
        if not line.strip(b" \t"):
            continue
        if line[:1] in (b" ", b"\t"):
            if follows_a_field:
                _fold(fields, line)
            else:
                _check_dropped(line)
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip(b" \t")
        follows_a_field = bool(colon) and TOKEN.fullmatch(name) is not None
        if follows_a_field:
            fields.append((name, _mended_value(name, value)))
        else:
            _check_dropped(line)
    return fields


def _fold(fields: list[tuple[bytes, bytes]], line: bytes) -> None:
    """Join a folded line to the field before it (RFC 9112 section 5.2)."""
    name, value = fields[-1]
    if name.lower() in FRAMING:
        raise RepairError("a line that says where the body ends is folded")
    _check_dropped(line)
    fields[-1] = (name, (value + b" " + _mended_value(name, line)).strip(b" \t"))


def _mended_value(name: bytes, value: bytes) -> bytes:
    if _PLAIN_VALUE.fullmatch(value):
        return value.strip(b" \t")
    if name.lower() in FRAMING:
        raise RepairError("a line that says where the body ends has control bytes")
    if b"\r" in value:  # which may end a line for another parser
        _check_dropped(value[value.index(b"\r") :])
    return value.translate(_BLANK_FOR_BAD).strip(b" \t")


def _check_dropped(line: bytes) -> None:
    """Refuse a line that is dropped or changed, if another parser could read in it where the body ends."""
    if _HIDDEN_FRAMING.search(line.translate(None, _UNSEEN)):
        raise RepairError("a malformed line may say where the body ends")


def _check_framing(fields: list[tuple[bytes, bytes]], version: bytes) -> None:
    lengths = [value for name, value in fields if name.lower() == _LENGTH]
    codings = [value.lower() for name, value in fields if name.lower() == _CODING]
    if codings and (lengths or len(codings) > 1):
        raise RepairError("it is said in two ways where the body ends")
    if codings and codings != [b"identity"] and (not _CODINGS.fullmatch(codings[0]) or version != b"1.1"):
        raise RepairError("the transfer coding is not supported")
    numbers = [
        _DIGITS.fullmatch(part.strip(b" \t")) for length in lengths for part in length.split(b",", _SAME_LENGTHS_MAX)
    ]
    if None in numbers or len({found[1].lstrip(b"0") for found in numbers if found}) > 1:
        raise RepairError("it is said in two ways where the body ends")


def _one_framing(fields: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The fields and the codings. A length said again is left out, and so is the coding "identity", which is none."""
    kept = []
    codings = b""
    has_length = False
    for name, value in fields:
        if name.lower() == _LENGTH:
            if has_length:
                continue
            has_length = True
            found = _DIGITS.fullmatch(value.partition(b",")[0].strip(b" \t"))
            assert found is not None
            value = found[1]
        elif name.lower() == _CODING and value.lower() != _CHUNKED:
            codings = b"" if value.lower() == b"identity" else value
            if value.lower().rpartition(b",")[2].strip(b" \t") != _CHUNKED:
                continue
            value = _CHUNKED
        kept.append((name, value))
    return kept, codings
