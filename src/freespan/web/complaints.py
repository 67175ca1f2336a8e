"""The page for complaints: what somebody sees who looks up the address from which something unwanted came.

By itself it holds the words of whoever runs the host, as plain text, and nothing else: no sentence that every host of
freespan would have, and by which a prober could find all of them. Only a host that says so explains what it is.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from freespan.wire.errors import InputError

COMPLAINTS_PATH = "abuse"
"""The one name under which the page is found; where the host has no site of its own, it is the front page as well."""
CONTACT_MAX = 4_000
"""Characters of a contact, at most."""

_FILES = ("complaints.txt", "complaints.html")
_LINK = re.compile(r"(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|https?://[^\s<>\"]+[\w/]", re.ASCII)
_CONTROL = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]")
_EXPLANATION = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>About traffic from this address</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
</style>
</head>
<body>
<h1>About traffic from this address</h1>
<p>This is a host of freespan. People in countries where sites are blocked read them through it, and sites see its
address instead of theirs.</p>
<p>The host keeps no record of what its readers visit, so it cannot say which of them this was. What it can do is to
close your name or your network to all of its readers, at once: ask for that.</p>
<p>Please say when it happened, with the time zone, and which address and port of yours was meant.</p>
<h2>Contact</h2>
<p style="white-space: pre-line">@contact@</p>
</body>
</html>
"""


def check_contact(contact: str) -> str | None:
    """What is wrong with the words of an admin, or None."""
    if len(contact) > CONTACT_MAX:
        return f"must have at most {CONTACT_MAX:,} characters"
    if _CONTROL.search(contact) or (contact and not contact.strip()):
        return "must be text"
    return None


def complaints_page(contact: str, *, explained: bool) -> bytes:
    """The page as it is sent: the contact alone, or an explanation with it."""
    if not explained:
        return (contact.strip() + "\n").encode()
    return _EXPLANATION.replace("@contact@", _LINK.sub(_linked, escape(contact.strip(), quote=False))).encode()


def keep_complaints_page(folder: Path, contact: str, *, explained: bool) -> Path:
    """Write the page into a folder, so that it is served like any file; what is there already keeps its date.

    Raises:
        InputError: field `data`; the folder cannot be written to.
    """
    path = folder / _FILES[explained]
    page = complaints_page(contact, explained=explained)
    try:
        if not path.is_file() or path.read_bytes() != page:
            path.write_bytes(page)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError("data", f"{path.name} cannot be written: {reason}") from None
    return path


def _linked(found: re.Match[str]) -> str:
    scheme = "mailto:" if found["mail"] else ""
    return f'<a href="{scheme}{found[0]}">{found[0]}</a>'
