"""Finds the address of a host in whatever text somebody has pasted.

That is the host's base URL, the address of one of its pages (`/switch.js`, `/embed`, `/bridge`…), or the whole line
for pages, with a message around it. Nothing guards an address as a check sum guards an invite, so what is doubtful is
refused: two addresses, a dash that was one hyphen or two. A slash at the end says that a host's own path ends like the
address of a page. `paste/host.js` and the WordPress plugin's `paste.php` do the same; tests/vectors/pastes.json holds
for all three.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import check_broker_url
from freespan.wire.pasted_text import plain_text
from freespan.wire.target import parse_host

FIELD = "URL"
FAULTS = {
    "none": "must be the http or https URL of a host",
    "invite": (
        "is an invite, which is for readers: give the address of the host, such as https://bridge.example.org/garden"
    ),
    "several": "names several addresses: give that of the host alone",
    "damaged": "has a blank in it or a dash that was a hyphen, or was cut off: copy the address again",
}
"""What can be wrong with a text, by the names that the vectors use."""

_PAGES = r"(?:embed/configure|switch\.js|headless\.js|embed|bridge|about|join|headless|self-test|globe)"
_SCHEME = "[Hh][Tt][Tt][Pp][Ss]?"
_IN_PATH = "[A-Za-z0-9._~-]"
_NO_LETTER = (
    r"\x00-,/:-@\[-^`{-\xbf\xd7\xf7\u0589\u05be\u05c3\u05f3\u05f4\u060c\u061b\u061f\u06d4\u0964\u0965\u0f01-\u0f14\u104a-\u104f"
    r"\u1361-\u1368\u17d4-\u17da\u1800-\u180a\u2000-\u200b\u200e-\u206f\u2190-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020"
    r"\u3030\ufe10-\ufe6b\uff5f-\uff65\ufffd\U0001f000-\U0001faff"
)
"""What ends a name: blanks, punctuation and signs of all scripts."""
_QUOTE = re.compile("[\u2018-\u201f\u2039\u203a\xab\xbb\u300c-\u300f`']")
_DISARMED = re.compile(r"[\[(]([.:])[\])]|(?<![A-Za-z])hxxp(?=s?[\[(]?:[\])]?//)", re.IGNORECASE | re.ASCII)
"""An address that was written so that nobody follows it by mistake: `hxxps[:]//a[.]example`."""
_DOT_IN_WORDS = re.compile(r" ?[\[({<] ?dot ?[\])}>] ?", re.IGNORECASE | re.ASCII)
_BACKWARDS = re.compile(r'[Hh][Tt][Tt][Pp][Ss]?:\\\\(?=[A-Za-z0-9\[])[^\s"<>]{1,1000}')
"""What people write who know the paths of Windows: `https:\\\\a.example\\garden`."""
_MISTYPED_SCHEME = re.compile(r"(?<![A-Za-z0-9])[Hh]?[Tt]{1,2}[Pp]([Ss]?)(?: ?[:;] ?/{1,2}|//)(?=[^\s/\"<>])", re.ASCII)
"""A letter, the colon or a slash is missing, or there is a blank in it."""
_ATTRIBUTE = re.compile(r'((?:src|href|host) ?= ?")([^"<]{1,1200})')
_BREAK = re.compile(r"\s+(?:[>|]\s*)*")
_LONG_LINE = re.compile(r"^((?:[>|]{0,9} ){0,9}[^\s]{60,2000})\n[>| ]{0,40}(?=[A-Za-z0-9._~/-])", re.MULTILINE)
"""A word that fills a line was broken by a program."""
_BEFORE_PAGE = re.compile(
    rf'(://[^\s"<>:]{{1,1000}}(?::[0-9]{{1,5}}(?:/[^\s"<>:]{{0,700}})?)?)[\s>|]{{1,40}}(?=(?:{_IN_PATH}{{1,100}}/|/){_PAGES}(?=[\s"<]|\Z))'
)
_WITHOUT_SCHEME = re.compile(r"(?<![:/A-Za-z0-9_])//(?=[A-Za-z0-9\[])")
_ADDRESS = re.compile(
    rf"(?P<scheme>{_SCHEME})://(?!{_SCHEME}:/)(?P<user>[^\s/\"<>@]{{0,200}}@)?(?P<name>\[[0-9A-Fa-f:.]{{2,45}}\]|[^{_NO_LETTER}]{{1,300}})"
    rf"(?P<port>:[0-9]{{1,5}})?(?P<path>(?:/(?!{_SCHEME}:){_IN_PATH}*)*)"
)
_BARE = re.compile(
    r"(?<![A-Za-z0-9_\xc0-\u024f@./:-])(?P<name>[Ll]ocalhost(?=[:/])|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,9}\.[A-Za-z]{2,24})"
    rf"(?![A-Za-z0-9_\xc0-\u024f@-])(?P<port>:[0-9]{{1,5}})?(?P<path>(?:/{_IN_PATH}*)*)"
)
_IDEOGRAPHIC_DOT = re.compile("(?<=[A-Za-z0-9])[\u3002\uff61](?=[A-Za-z0-9])")
_WORD_BEHIND = re.compile(r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)[^\x00-\u024f].*", re.DOTALL)
"""A Latin name, and a word of another script that was written behind it without a blank."""
_WRAPPER = re.compile(r'(?:/|[?#][^\s"<>()]{0,2000}?)https?://', re.IGNORECASE | re.ASCII)
"""What stands behind the address of a site that only leads to another one, such as `https://away.example/?to=…`."""
_DAMAGE = re.compile("[\u2012-\u2015\u2e3a\u2e3b\ufe58][A-Za-z0-9_~/-]|\u2026")
_BLANK_IN_NAME = re.compile(
    r"[^./: ]*\. [a-z0-9]|[^/: ]*\. [a-z0-9-]{1,63}[./:][A-Za-z0-9]|[^/: ]* \. ?[a-z0-9]", re.ASCII
)
"""Keyboards of telephones put a blank behind a full stop: `a. example.org`. A new sentence begins with a capital."""
_INVITE = re.compile("freespan[0-9]{1,4}_", re.IGNORECASE | re.ASCII)
_PAGE = re.compile(rf"/{_PAGES}\Z")
_DOTS = re.compile(r"/\.{1,2}(?:/|\Z)")
_LOOPBACK = re.compile(r"localhost|127\..*", re.IGNORECASE | re.ASCII)
_SOURCE_FILE = re.compile(r"\.(?:js|html?|php|txt|json|css|md|png)\Z", re.IGNORECASE | re.ASCII)
_ADDRESSES_MAX = 200
"""Of more addresses in one text, the rest is not looked at."""


@dataclass(frozen=True)
class _Found:
    base: str
    is_page: bool


class _FaultError(Exception):
    """Its one argument is a name in FAULTS."""


def find_host(text: str) -> str:
    """Return the one host's base URL in a text, without a slash at its end; in time that is linear in its length.

    Raises:
        InputError: field `URL`; there is none, or several, or one that was changed on its way.
    """
    try:
        return _host_in(_mended(text))
    except _FaultError as fault:
        raise InputError(FIELD, FAULTS[fault.args[0]]) from None


def _mended(text: str) -> str:
    """A text with its addresses as they were before lines were broken."""
    plain = plain_text(_BACKWARDS.sub(lambda found: found[0].replace("\\", "/"), text))
    plain = _DISARMED.sub(lambda found: found[1] or "http", _DOT_IN_WORDS.sub(".", _QUOTE.sub('"', plain)))
    plain = _MISTYPED_SCHEME.sub(r"http\1://", plain)
    plain = _ATTRIBUTE.sub(lambda found: found[1] + _BREAK.sub("", found[2]), plain)
    plain = _BEFORE_PAGE.sub(r"\1", _LONG_LINE.sub(r"\1", plain))
    return _IDEOGRAPHIC_DOT.sub(".", _WITHOUT_SCHEME.sub("https://", plain))


def _host_in(plain: str) -> str:
    has_invite = _INVITE.search(re.sub(r"\s+", "", plain)) is not None
    found, is_damaged = _addresses(plain)
    if not found and not is_damaged and not has_invite:
        found, is_damaged = _bare_addresses(plain)
    pages = [each for each in found if each.is_page]
    bases = {each.base for each in pages or found}
    bases = {base for base in bases if not any(other.startswith(f"{base}/") for other in bases)}
    if len(bases) > 1:
        raise _FaultError("several")
    if not bases:
        raise _FaultError("damaged" if is_damaged else "invite" if has_invite else "none")
    return bases.pop()


def _addresses(plain: str) -> tuple[list[_Found], bool]:
    """The addresses in a text, and whether one of them was changed on its way."""
    found, is_damaged = [], False
    for match in itertools.islice(_ADDRESS.finditer(plain), _ADDRESSES_MAX):
        behind = plain[match.end() : match.end() + 2_100]
        if _WRAPPER.match(behind) or _INVITE.search(re.split(r"\s", behind, maxsplit=1)[0]):
            continue
        if _DAMAGE.match(behind) or _BLANK_IN_NAME.match(plain, match.start("name")):
            is_damaged = True
            continue
        before = plain[max(match.start() - 1, 0) : match.start()]
        address = None if match["user"] else _checked(match["scheme"], match, before)
        if address is not None:
            found.append(address)
    return found, is_damaged


def _bare_addresses(plain: str) -> tuple[list[_Found], bool]:
    """What is an address but for its scheme; in a text of one word, also one that is not Latin."""
    found, is_damaged = [], False
    for match in itertools.islice(_BARE.finditer(plain), _ADDRESSES_MAX):
        if _BLANK_IN_NAME.match(plain, match.start("name")):
            is_damaged = True
        elif match["path"] or not _SOURCE_FILE.search(match["name"]):
            scheme = "http" if _LOOPBACK.fullmatch(match["name"]) else "https"
            found.append(_checked(scheme, match, ""))
    word = plain.strip()
    if not found and not word.isascii() and "." in word and (whole := _ADDRESS.fullmatch(f"https://{word}")):
        found.append(_checked("https", whole, ""))
    return [each for each in found if each is not None], is_damaged


def _checked(scheme: str, match: re.Match[str], before: str) -> _Found | None:
    """The host of an address, or None if it cannot be one."""
    name, port, path = match["name"], match["port"] or "", match["path"]
    if cut := _WORD_BEHIND.fullmatch(name):
        name, port, path = cut[1], "", ""
    name = name.rstrip(".")
    path = path.rstrip(".") if before not in ("_", "~") else path.rstrip("." + before)
    is_page = _PAGE.search(path) is not None
    path = _PAGE.sub("", path).rstrip("/")
    if _DOTS.search(path):
        return None
    try:
        host = name.lower() if name.startswith("[") else parse_host(name)
        return _Found(check_broker_url(f"{scheme.lower()}://{host}{port}{path}"), is_page)
    except (InputError, InviteError):
        return None
