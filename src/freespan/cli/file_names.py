"""The name of a downloaded file, as its URL or its site suggests it, made fit for every file system. Pure.

A site must not choose where a file goes, hide it, or stop it from being deleted. So a name is one without folders, does
not begin with a dot, has no sign and no word that Windows reserves, and is short enough for every system.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from freespan.terminal.text import one_line

DEFAULT = "index.html"
_LENGTH_MAX = 200
"""In bytes, of the 255 that most systems have."""
_ENDING_MAX = 20
_FOLDERS = re.compile(r"[/\\]")
_RESERVED_SIGNS = re.compile(r'[<>:"|?*\ufffd]')
_RESERVED_WORDS = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL
)
_PARAMETER = re.compile(r';\s*(?P<name>[^\s=;"]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<plain>[^;]*))', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
"""Before other letters a backslash stands for itself, as in browsers: sites give whole paths of Windows."""
_EXTENDED = re.compile(r"(?P<charset>utf-8|iso-8859-1)'[^']*'(?P<value>.*)", re.IGNORECASE | re.DOTALL)


def name_in_url(path: str) -> str:
    """The last name in the path of a URL."""
    decoded = _text(unquote_to_bytes(path.partition("?")[0]))
    parts = [fit for part in _FOLDERS.split(decoded) if (fit := fit_name(part))]
    return parts[-1] if parts else DEFAULT


def name_in_header(value: bytes) -> str:
    """The name that a Content-Disposition suggests (RFC 6266), from its bytes; empty for none.

    What is written by RFC 8187 comes before what is not, which may be in any charset.
    """
    found: dict[str, str] = {}
    for parameter in _PARAMETER.finditer(value.decode("latin-1")):
        quoted = parameter["quoted"]
        text = parameter["plain"].strip() if quoted is None else _ESCAPED.sub(r"\1", quoted)
        found.setdefault(parameter["name"].lower(), text)
    if extended := _EXTENDED.fullmatch(found.get("filename*", "")):
        data = unquote_to_bytes(extended["value"])
        decoded = data.decode("latin-1") if extended["charset"].lower() != "utf-8" else _text(data)
        if name := fit_name(decoded):
            return name
    return fit_name(_text(found.get("filename", "").encode("latin-1")))


def fit_name(text: str) -> str:
    """The name, made fit; empty if nothing is left."""
    name = _FOLDERS.split(one_line(text))[-1]
    name = _RESERVED_SIGNS.sub("_", name).strip().lstrip(".").strip()
    name = shortened(name, _LENGTH_MAX).rstrip(". \t")
    if _RESERVED_WORDS.fullmatch(name) or name.startswith("-"):  # programs take it for an option
        name = f"_{name}"
    return name


def shortened(name: str, length: int) -> str:
    """The name in at most so many bytes of UTF-8; its ending stays, if it is a short one."""
    if len(name.encode("utf-8", "surrogateescape")) <= length:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode("utf-8", "surrogateescape")) > _ENDING_MAX:
        stem, dot, ending = name, "", ""
    rest = dot + ending
    kept = stem.encode("utf-8", "surrogateescape")[: length - len(rest.encode("utf-8", "surrogateescape"))]
    return kept.decode("utf-8", "ignore") + rest  # no half of a letter


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
