"""Text as people paste it out of messengers, mail and documents, with everything undone that those do to it.

What is invisible is dropped, blanks of all kinds become plain ones and full-width letters too, and what was escaped for
HTML, JSON, Markdown, URLs or mail (quoted-printable, RFC 2045 section 6.7) is as it was. Dashes that may have been two
hyphens stay. `paste/text.js` and the WordPress plugin's `paste.php` do the same; tests/vectors/pastes.json holds for
all three.
"""

from __future__ import annotations

import re
from html.entities import html5

_ENTITY = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z]{2,14}));")
_SOFT_BREAK = re.compile(r"=[ \t]{0,8}(?:\r\n|\r|\n)")
_QUOTED_PRINTABLE = re.compile(r"(?:=[0-9A-F]{2})+")
_PERCENT = re.compile(r"(?:%(?:25){0,4}[0-9A-Fa-f]{2})+")
"""Also what was encoded several times: `%255F`."""
_OF_JSON = re.compile(r"\\u([0-9A-Fa-f]{4})")
_BREAK_OF_JSON = re.compile(r"\\[nrt]|\\(?:\r\n|\r|\n)")
_BACKSLASH = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
"""In Markdown and JSON alike, before punctuation."""
_OF_TERMINALS = re.compile(r"\x1b\[[0-9;?]{0,16}[@-~]")
"""Colours, and what a terminal puts around a text that is pasted."""
_LINE_END = re.compile(r"\r\n|[\r\x85\u2028\u2029\x0b\x0c]")
_BLANK = re.compile(r"[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
"""Zero-width joiners, which are a part of words in Persian and in scripts of India, and of nothing in Latin ones."""
_HYPHEN = re.compile(r"[\u2010\u2011\u2212\ufe63]")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def plain_text(text: str) -> str:
    """Undo what was done to a text on its way; in time that is linear in its length."""
    text = _OF_TERMINALS.sub("", text)
    text = _QUOTED_PRINTABLE.sub(lambda found: _bytes(found[0].split("=")), _SOFT_BREAK.sub("", text))
    for _ in range(2):  # what was escaped twice: `&amp;#95;`
        text = _ENTITY.sub(_unescaped, text)
    text = _OF_JSON.sub(lambda found: chr(int(found[1], 16)), text)
    text = _BACKSLASH.sub("", _BREAK_OF_JSON.sub(" ", text))
    text = _PERCENT.sub(lambda found: _bytes(found[0].split("%")), text)
    text = _BLANK.sub(" ", _LINE_END.sub("\n", text))
    text = _JOINER.sub("", _INVISIBLE.sub("", text))
    return _HYPHEN.sub("-", text.translate(_FULL_WIDTH))


def _bytes(parts: list[str]) -> str:
    """The text of bytes, each of them the last two digits of a part."""
    return bytes.fromhex("".join(part[-2:] for part in parts)).decode("utf-8", "replace")


def _unescaped(found: re.Match[str]) -> str:
    decimal, hexadecimal, name = found.groups()
    if name is not None:
        return html5.get(f"{name};", found[0])
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(code) if 0 < code < 0x110000 else ""
