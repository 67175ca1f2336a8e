"""The names of hosts, from the forms in which people and programs write them to the one that DNS has.

What a browser makes of a name is the measure, since readers expect the site that it shows: the mapping of UTS 46
without its transitional part, so IDNA 2008, and no more of its checks than the URL Standard asks for. Underscores,
hyphens in any place, emoji and mixed scripts are for DNS to know or not to know, and so is a label in ASCII that begins
with `xn--`. `tests/vectors/names.json` is what Chromium and Firefox say.
"""

from __future__ import annotations

import re
import unicodedata

NAME_MAX = 253
"""Characters of the longest name in DNS, without a dot at its end."""
_LABEL_MAX = 63
_TEXT_MAX = 1_024
_LABEL = rf"[a-z0-9_-]{{1,{_LABEL_MAX}}}"
_NAME = re.compile(rf"(?=.{{1,{NAME_MAX}}}\Z)(?=.*[a-z0-9])(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_ENCODED = "xn--"
_JOINERS = "\u200c\u200d"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


def name_in_dns(text: str) -> str | None:
    """The name in lower-case ASCII, without a dot at its end; None for what cannot be one."""
    if text.isascii():
        name = text.lower().removesuffix(".")
    else:
        mapped = _mapped(text)
        name = "" if mapped is None else (_encoded(mapped.removesuffix(".").split(".")) or "")
    return name if _NAME.fullmatch(name) else None


def _mapped(text: str) -> str | None:
    """What UTS 46 makes of the letters: one case, one width, nothing invisible, composed."""
    import idna  # not before there is such a name: few programs of a reader write one

    if len(text) > _TEXT_MAX:
        return None
    try:
        return idna.uts46_remap(text, std3_rules=False)
    except UnicodeError:
        return None


def _encoded(labels: list[str]) -> str | None:
    is_valid = all(label.isascii() or _is_valid(label) for label in labels)
    return ".".join(map(_encoded_label, labels)) if is_valid and _directions_are_clear(labels) else None


def _encoded_label(label: str) -> str:
    return label if label.isascii() else _ENCODED + label.encode("punycode").decode("ascii")


def _is_valid(label: str) -> bool:
    """Whether a label with letters outside ASCII may be encoded; one that is too long is not even tried."""
    import idna

    if len(label) > _LABEL_MAX or label.startswith(_ENCODED) or unicodedata.category(label[0]).startswith("M"):
        return False
    try:
        return all(idna.valid_contextj(label, at) for at, letter in enumerate(label) if letter in _JOINERS)
    except ValueError:  # a letter that this Python does not know stands before it
        return False


def _directions_are_clear(labels: list[str]) -> bool:
    """Whether a name with letters from right to left reads in one way only (RFC 5893)."""
    import idna

    decoded = [_decoded(label) for label in labels]
    if not any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for label in decoded for letter in label):
        return True
    try:
        return all(idna.check_bidi(label, check_ltr=True) for label in decoded if label)
    except idna.IDNAError:
        return False


def _decoded(label: str) -> str:
    """What an encoded label stands for; any other as it is."""
    if not label.startswith(_ENCODED):
        return label
    try:
        return label.removeprefix(_ENCODED).encode("ascii").decode("punycode") or label
    except (UnicodeError, ValueError, OverflowError):
        return label
