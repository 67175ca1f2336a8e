"""The fields of the requests of `freespan fetch`. Pure.

What a site learns of the program that asks is what it learns of most readers of Tor Browser: a version of Python or of
a library is nothing that it needs, and some sites refuse those. `--header` replaces a field, or leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from freespan.cli.fetch_url import FetchUrl
from freespan.wire.errors import InputError

Fields = list[tuple[str, str]]

USER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
_OPTION = "--header"
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_OWN = frozenset({"connection", "content-length", "expect", "keep-alive", "te", "trailer"}) | {
    "transfer-encoding",
    "upgrade",
}
"""They say how a message is framed, and belong to whoever frames it."""
_SECRET = frozenset({"authorization", "cookie", "host", "proxy-authorization"})
"""They are meant for the site of the URL alone (Fetch Standard, section 4.4)."""


@dataclass(frozen=True)
class RequestFields:
    """The fields that a person has given for the URL `asked`, and what is sent for it and for where it redirects."""

    asked: FetchUrl
    given: Sequence[tuple[str, str]] = ()

    def of(self, url: FetchUrl, cookie: str = "", more: Iterable[tuple[str, str]] = ()) -> Fields:
        """The fields of a request for this URL."""
        own = [("Host", url.host), ("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity")]
        own += [("Authorization", url.credentials), ("Cookie", cookie), *more]
        given = [(name, value) for name, value in self.given if self._may_learn(url, name)]
        replaced = {name.lower() for name, _ in given}
        kept = [(name, value) for name, value in own if name.lower() not in replaced]
        fields = [(name, value) for name, value in [*kept, *given] if value]
        return sorted(fields, key=lambda field: field[0].lower() != "host")  # first, as all programs have it

    def _may_learn(self, url: FetchUrl, name: str) -> bool:
        return name.lower() not in _SECRET or url.origin == self.asked.origin


def parse_field(text: str) -> tuple[str, str]:
    """Parse `Name: value`; an empty value leaves the field out. Raises `InputError`, field `--header`."""
    found = _FIELD.fullmatch(text.strip(" \t"))
    if found is None:
        raise InputError(_OPTION, "must be Name: value, on one line")
    name = found[1]
    if name.lower() in _OWN:
        raise InputError(_OPTION, f"{name} cannot be set: it belongs to how the request is sent")
    if name.lower() == "host" and not found[2].strip():
        raise InputError(_OPTION, "Host cannot be left out")
    return name, found[2].rstrip(" \t")
