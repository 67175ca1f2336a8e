"""The URLs of `freespan fetch`: sent as they were given, since a signed link breaks with every byte that changes. Pure.

What HTTP cannot carry is written as browsers write it: white space around a URL, tabs and ends of lines are left out,
blanks and letters outside ASCII percent-encoded, a fragment is kept to oneself.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from freespan.wire.errors import InputError
from freespan.wire.target import Target, parse_target

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(https?):[/\\]{2}([^/\\?#]*)([^#]*)(?:#.*)?", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_AROUND = "".join(map(chr, range(33)))
_LEFT_OUT = re.compile(r"[\t\r\n]")
_ENCODED_IN_PATH, _ENCODED_IN_QUERY = frozenset(b'"#<>?^`{}'), frozenset(b"\"#<>'")
"""The sets of the URL standard (WHATWG), beside what is no printable ASCII."""


@dataclass(frozen=True)
class FetchUrl:
    """An http or https URL. `path` is what the request line says: the path with the query, in ASCII."""

    scheme: str
    target: Target
    path: str
    user: str = ""

    @property
    def origin(self) -> tuple[str, Target]:
        """What two URLs have in common that share secrets (RFC 6454)."""
        return self.scheme, self.target

    @property
    def host(self) -> str:
        """The value of the field Host."""
        text = str(self.target)
        return text.rpartition(":")[0] if self.target.port == _PORTS[self.scheme] else text

    @property
    def credentials(self) -> str:
        """The value of the field Authorization, for a URL with a user name in it; else empty (RFC 7617)."""
        if not self.user:
            return ""
        name, _, password = self.user.partition(":")
        pair = unquote_to_bytes(name) + b":" + unquote_to_bytes(password)
        return f"Basic {base64.b64encode(pair).decode()}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


def parse_url(text: str) -> FetchUrl:
    """Parse an absolute URL. Raises `InputError`, field `URL`."""
    found = _URL.fullmatch(_LEFT_OUT.sub("", text.strip(_AROUND)))
    if found is None:
        raise InputError("URL", "must be an http or https URL")
    scheme, authority, rest = found[1].lower(), found[2], found[3]
    user, _, host = authority.rpartition("@")
    try:
        target = parse_target(host, default_port=_PORTS[scheme])
    except InputError as error:
        is_port = "port" in error.reason
        reason = "the port must be from 1 to 65535" if is_port else "must be an http or https URL"
        raise InputError("URL", reason) from None
    return FetchUrl(scheme, target, _as_sent(rest), user)


def redirected(url: FetchUrl, location: str) -> FetchUrl:
    """The URL that a site redirects to. Raises `InputError`, field `URL`, if that is no http or https URL."""
    location = _LEFT_OUT.sub("", location.strip(_AROUND)).partition("#")[0]
    if _SCHEME.match(location):
        return parse_url(location)
    path, mark, query = location.partition("?")
    path = path.replace("\\", "/")
    if path.startswith("//"):
        return parse_url(f"{url.scheme}:{path}{mark}{query}")
    own_path, own_mark, own_query = url.path.partition("?")
    if not path:
        path = own_path
        mark, query = (mark, query) if mark else (own_mark, own_query)
    elif not path.startswith("/"):
        path = _without_dots(own_path.rpartition("/")[0] + "/" + path)
    return FetchUrl(url.scheme, url.target, _as_sent(path + mark + query))


def _as_sent(rest: str) -> str:
    path, mark, query = rest.partition("?")
    return (_encoded(path.replace("\\", "/"), _ENCODED_IN_PATH) or "/") + mark + _encoded(query, _ENCODED_IN_QUERY)


def _encoded(text: str, besides: frozenset[int]) -> str:
    """Bytes of the command line that are no text in its encoding stay the bytes that they are."""
    if text.isascii():
        data = text.encode("ascii")
    else:
        escaped = "".join(c if not "\ud800" <= c <= "\udfff" or "\udc80" <= c <= "\udcff" else "\ufffd" for c in text)
        data = escaped.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if 0x20 < byte < 0x7F and byte not in besides else f"%{byte:02X}" for byte in data)


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4, for a path that begins with a slash."""
    *folders, last = path.split("/")[1:]
    kept: list[str] = []
    for folder in folders:
        _step(kept, folder)
    if last in (".", ".."):
        _step(kept, last)
        last = ""
    return "/" + "/".join([*kept, last])


def _step(kept: list[str], folder: str) -> None:
    if folder == "..":
        del kept[-1:]
    elif folder != ".":
        kept.append(folder)
