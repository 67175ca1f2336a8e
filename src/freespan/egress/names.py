"""Names of sites as people write them, in the forms in which readers ask for them. Pure."""

from __future__ import annotations

import re

import idna

from freespan.wire.errors import InputError
from freespan.wire.target import parse_host

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PLAIN = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?=[a-z]){_LABEL}", re.ASCII)


def is_plain(name: str) -> bool:
    """Whether this is a name in the only form that it has. Most are; to find that out takes a microsecond."""
    return _PLAIN.fullmatch(name) is not None


def forms_of(host: str) -> frozenset[str]:
    """The names in DNS that a name may stand for, or the one address. Raises `InputError` if it is neither.

    Where the two standards for names in other scripts differ, as for `straße.example`, browsers follow the later one
    (IDNA 2008, UTS 46) and other programs the earlier one (IDNA 2003). Each knows letters that the other does not.
    """
    if host.isascii():
        return frozenset({parse_host(host)})
    forms: set[str] = set()
    try:
        forms.add(parse_host(idna.encode(host, uts46=True).decode("ascii")))
    except (InputError, UnicodeError):
        pass
    try:
        forms.add(parse_host(host))
    except InputError:
        if not forms:
            raise
    return frozenset(forms)
