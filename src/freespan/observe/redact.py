"""Takes out of a text what could identify somebody: addresses, names, paths of URLs, invites, credentials.

Modules of freespan do not log such things in the first place. This is the second safeguard, for libraries and
tracebacks, so it rather takes out too much. What helps to find a fault should stay: modules, source files, classes of
errors, versions, numbers.

    what it looks like     invites and what is left of them, URLs, addresses, names with dots, paths of URLs
    where it stands        names without a dot: before a port, behind `host=`, in the address of a socket
    what it is             the path of this host, for example (`hidden.py`)

Every rule takes time in proportion to the text: a run of characters is tried from its beginning only.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path

from freespan.observe.hidden import hidden_texts

BLANK = "[redacted]"

_LABEL = r"[^\x00-,./:-@\[-^`{-\x7f\s\u2010-\u205e\u3001\u3002\uff0e\uff61\xab\xbb]"
"""A character of a name: a letter of any script with what belongs to it, a digit, a hyphen, an underscore."""
_DOT = r"[.\u3002\uff0e\uff61]"
"""IDNA knows four dots (RFC 3490 section 3.1)."""
_IN_TOKEN = r"[^\s'\"<>()\[\]{},;|]"

# --- invites and credentials -----------------------------------------------------------------------

_INVITE = re.compile(r"freespan\d+_[\w-]*+(?:[\s'\",\\+=>|]{1,8}[\w-]{16,}+)*+")
"""An invite, and what follows it after a break as only its next part can."""
_CREDENTIALS = re.compile(r"\b((?:Proxy-)?Authorization:|(?:Set-)?Cookie:)[^\n]+", re.IGNORECASE)
_RUN = re.compile(r"(?<![\w-])[\w-]{16,}+")
_RANDOM_PART, _RANDOM_PART_WITH_DIGITS = 1 / 3, 1 / 4
"""Random letters and digits change so often between capitals, small letters and digits; words hardly do."""
_UNBROKEN = 40
"""No identifier has so many letters and digits without an underscore."""
_WORDS = re.compile(r"(?:[A-Z]{0,4}[a-z]{2,}+_*+)++[A-Z]{0,2}")
"""Such as `FileNotFoundError`."""
_KINDS = re.compile(r"[A-Z]+|[a-z]+|\d+")
_HEX = re.compile(r"(?:[0-9a-f]-?){24,}", re.IGNORECASE)

# --- URLs, paths and addresses ---------------------------------------------------------------------

_URL = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++://[^\s'\"<>]+", re.IGNORECASE)
_SHARE = re.compile(r"(?<![\w:\\])\\\\[\w.-]+")
"""A share of Windows, such as `\\\\server`."""
_URL_WITHOUT_SCHEME = re.compile(r"(?<![\w:/\\.-])//[^\s'\"<>/][^\s'\"<>]*")
_TOKEN = re.compile(_IN_TOKEN + "+")
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}|\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_VERSION = re.compile(r"\d+|v?\d+(?:\.\d+){1,2}(?:[-.]?(?:a|b|rc|alpha|beta|dev|post|pre)[-.]?\d+)?", re.IGNORECASE)
_QUOTED_USER = re.compile(r"(?<=['\"])@[\w.-]+")
_REQUEST = re.compile(r"\b(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) (\S+)(?= HTTP/\d)")
_V4 = re.compile(r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)(?:%[\w.~-]+)?(?::\d+)?")
_V4_WITH_HYPHENS = re.compile(r"(?<![\w-])(?:[a-z][a-z0-9]{0,15}-)?\d{1,3}(?:-\d{1,3}){3}(?![\w-])", re.IGNORECASE)
_BEFORE_VERSION = re.compile(r"(?:(?:Chrome|Chromium|Edg|OPR|Firefox|Safari|[Vv]ersion)[/ =]|\bv)$")
_COLONS = re.compile(r"(?<![\w:])(?:\w*+:){2,}+\w*+(?:%[^\s'\"\])},;/]+)?")
_HEX_GROUP = re.compile(r"[0-9a-f]{0,4}", re.IGNORECASE)
_TIME = re.compile(r"\d{1,2}:\d\d:\d\d")
_PATH = re.compile(rf"(?<![\w.:/\\~%@\]-])/{_IN_TOKEN}+")
_SYSTEM_FOLDER = re.compile(
    r"/(?:usr|opt|home|root|var|etc|tmp|run|proc|sys|dev|lib\w*|s?bin|srv|mnt|media|nix|snap|private|Users|Library"
    r"|Applications)/."
)
_FOLDERS_AND_FILE = re.compile(r"(?:/[^/]+)+/[\w-]+(?:\.(?:cpython|abi3)[\w-]*)?\.(?:pyi?|so)(?::\d+)*:?")

# --- names -----------------------------------------------------------------------------------------

_DOTTED = re.compile(rf"(?<!{_LABEL}){_LABEL}++(?:{_DOT}{_LABEL}++)++")
_TOP_LABEL = re.compile(r"xn--[a-z0-9-]+|[a-z]{2,}-*|.*[^\x00-\x7f].*", re.IGNORECASE | re.DOTALL)
_NUMBERED_TOP_LABEL = re.compile(r"[a-z]+\d+", re.IGNORECASE)
"""Of a name inside some network, such as `db.site2`."""
_ERROR_CLASS = re.compile(r"\w*(?:Error|Exception|Warning)")
_SOURCE_FILE = re.compile(r"[\w-]+\.(?:py|js)")
"""`.py` is a top-level domain too, but no registered name has an underscore."""
_FOLDER = re.compile(r"/(?:[^/]+/)+|[\w-]+/(?:[\w-]+/)+|[A-Za-z]:\\(?:[^\\]+\\)*")
_OBJECT = re.compile(r"(?:<(?:function|bound method|built-in method|coroutine object|generator object) |coro=<)$")
"""What Python writes before the name of a function."""
_OWN_FILE = re.compile(
    rf"{_LABEL}+\.(?:pem|toml|txt|json|sqlite(?:-\w+)?|html|css|mmdb|m?js|log|conf|lock|csv)(?:\.(?:tmp|part|bak))?"
    r"|[A-Z_]+\.md"
)
"""What ends in no top-level domain."""
_METHOD = re.compile(
    r"get|put|send|recv|write|close|start|stop|cancel|wait|done|set|clear|append|pop|add|remove|discard|update|join|split"
    r"|strip|encode|decode|format|items|keys|values|result|exception|drain"
)
"""Methods whose names are no top-level domains: what is called in a line of code."""
_IDNA_LABEL = re.compile(rf"(?<!{_LABEL})xn--[\w-]+", re.IGNORECASE)
_KNOWN_NAMES = re.compile(
    rf"(?<!{_LABEL})(?:localhost[46]?|ip6-localhost|ip6-loopback|localdomain|broadcasthost|intranet|extranet|wpad"
    rf"|isatap)(?!{_LABEL})",
    re.IGNORECASE,
)

# Names that have no dot are known by where they stand. Group 1 stays, the named group goes.
_PLAIN = rf"(?=[\w-]*[^\W\d_])(?P<name>{_LABEL}++)(?!{_DOT}{_LABEL})"
_IN_SOCKET_ADDRESS = re.compile(r"([(\[]b?(?P<quote>['\"]))(?P<name>[^'\"\n]{1,300})(?=(?P=quote), ?\d{1,5}[,)\]])")
_BEFORE_PORT = re.compile(rf"(?<!{_LABEL})(?<!{_DOT})()(?!\d+:){_PLAIN}(?=:\d{{1,5}}(?![\w]|[.:]\d))")
_AFTER_KEY = re.compile(
    r"\b(server_?(?:host)?name|peername|host_?name|host|server|peer|domain|sni|authority|site|target|destination"
    r"|addr|address|origin|user|username|password|passwd|pwd|secret|token|credential|ufrag|invite)"
    r"(?P<sign>=| = |': |\": )(?P<open>b?['\"]?)(?P<name>[^\s'\",;)\]}<>]+)",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(r"((?<![\w-])(?:Host|:authority|[Hh]ostname|[Ss]erver name|SNI): )(?P<name>[^\s'\",;)\]}<>]+)")
_QUOTED = re.compile(
    r"(\b(?:host|hostname|server|peer|domain|authority|site|target|valid for|(?:mis)?match|resolve|resolving|lookup"
    r"|(?:connect|connecting|connected|connection|route) to):? b?(?P<quote>['\"]))"
    r"(?P<name>[^'\"\n]{1,300})(?=(?P=quote))",
    re.IGNORECASE,
)
_AFTER_VERB = re.compile(
    r"\b((?:resolve|resolving|resolved|lookup|getaddrinfo for|ping|pinging"
    r"|(?:connect|connecting|connected|connection|route) to|(?:to|for|from|with) (?:host|hostname|server|site))"
    r"(?: (?:the )?(?:host|hostname|server|site|name))?:? )" + _PLAIN,
    re.IGNORECASE,
)
_AFTER_NOUN = re.compile(rf"\b((?:host|hostname|server|site|machine|domain):? )(?=\w*[\d-]){_PLAIN}", re.IGNORECASE)
"""There an ordinary word may stand as well, but hardly one with a digit or a hyphen."""
_OF_NAME = re.compile(r"\b(?:hosts?|hostname|to|from|for|resolve|server|site|domain|target)\W{1,3}$", re.IGNORECASE)
_OUR_WORDS = re.compile(
    r"an?|the|this|that|these|those|its?|any|all|each|every|no|none|one|another|other|their|his|her|my|our|some|names?"
    r"|hosts?|hostname|address(?:es)?|broker|bridges?|egress|clients?|servers?|proxy|sites?|targets?|peers?|readers?"
    r"|sessions?|links?|front|stun|turn|tls|ssl|tcp|udp|quic|https?|web|websockets?|ports?|line|code|status|errno|error"
    r"|column|pid|fd|id|size|length|version|mismatch|verification|resolution|lookup|be|in|on|at|of|or|and|is|was|failed"
    r"|null|true|false|self",
    re.IGNORECASE,
)
"""What stands where a name could, and is none."""
_PLACES_OF_PLAIN_NAMES = (
    _IN_SOCKET_ADDRESS,
    _BEFORE_PORT,
    _AFTER_KEY,
    _IN_HEADER,
    _QUOTED,
    _AFTER_VERB,
    _AFTER_NOUN,
)


def redact(text: str) -> str:
    """Return the text with everything that could identify somebody replaced by `[redacted]`."""
    for secret in hidden_texts():
        text = re.sub(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", BLANK, text)
    text = _INVITE.sub(BLANK, text)
    text = _URL.sub(BLANK, text)
    text = _SHARE.sub(BLANK, _URL_WITHOUT_SCHEME.sub(BLANK, text))
    text = _CREDENTIALS.sub(rf"\1 {BLANK}", text)
    text = _REQUEST.sub(rf"\1 {BLANK}", text)
    text = _QUOTED_USER.sub(BLANK, _TOKEN.sub(_without_encoded_and_users, text))
    text = _V4.sub(_without_address, text)
    text = _V4_WITH_HYPHENS.sub(BLANK, text)
    text = _COLONS.sub(_without_long_address, text)
    for place in _PLACES_OF_PLAIN_NAMES:
        text = place.sub(_without_plain_name, text)
    text = _PATH.sub(_without_path, text)
    text = _DOTTED.sub(_without_name, text)
    text = _KNOWN_NAMES.sub(BLANK, _IDNA_LABEL.sub(BLANK, text))
    return _RUN.sub(_without_random, text)


def redact_code(text: str) -> str:
    """The same for lines of this program's code, which have names of their own with dots: files, modules, methods."""
    return _V4.sub(BLANK, _URL.sub(BLANK, _INVITE.sub(BLANK, text)))


def _without_encoded_and_users(found: re.Match[str]) -> str:
    """Take out what is encoded, routes of a host, and users with their hosts; `library@1.2.3` stays."""
    token = found.group()
    kept, end = _without_end(token)
    if _ENCODED.search(token) or "/v1/" in token:
        return BLANK + end
    user, at, host = kept.rpartition("@")
    return BLANK + end if at and user and not _VERSION.fullmatch(host) else token


def _without_end(token: str) -> tuple[str, str]:
    """The token without the marks of the sentence behind it, and these."""
    kept = token.rstrip(".:!?")
    return kept, token[len(kept) :]


def _without_address(found: re.Match[str]) -> str:
    """Take out an IPv4 address; a version may look like one."""
    before = found.string[max(0, found.start() - 10) : found.start()]
    return found.group() if _BEFORE_VERSION.search(before) else BLANK


def _without_long_address(found: re.Match[str]) -> str:
    """Take out IPv6 and MAC addresses, with their zones; a time of day stays."""
    run, percent, _ = found.group().partition("%")
    if _TIME.fullmatch(run):
        return found.group()
    kept: list[str] = []
    groups: list[str] = []
    has_address = False
    for part in [*run.split(":"), "end"]:
        if _HEX_GROUP.fullmatch(part):
            groups.append(part)
            continue
        if len(groups) > 2 and any(groups):
            has_address = True
            kept.append(BLANK)
        else:
            kept += groups
        groups = []
        kept.append(part)
    zone = "" if has_address or not percent else found.group()[len(run) :]
    return ":".join(kept[:-1]) + zone


def _without_plain_name(found: re.Match[str]) -> str:
    name = found["name"]
    if _OUR_WORDS.fullmatch(name) or name.isdigit() or name.startswith(BLANK):
        return found.group()
    start, end = found.start("name") - found.start(), found.end("name") - found.start()
    return found.group()[:start] + BLANK + found.group()[end:]


def _without_path(found: re.Match[str]) -> str:
    """Take out the path of a URL; a file of this machine stays, without names in its folders."""
    path = found.group()
    if not _SYSTEM_FOLDER.match(path) and not _FOLDERS_AND_FILE.fullmatch(path):
        return BLANK + _without_end(path)[1]
    return path


def _without_name(found: re.Match[str]) -> str:
    dotted = found.group()
    return dotted if not _is_name(dotted) or _is_program(found) else BLANK


def _is_name(dotted: str) -> bool:
    """Whether it could be the name of a host."""
    labels = re.split(_DOT, dotted)
    if _TOP_LABEL.fullmatch(labels[-1]):
        return True
    return bool(_NUMBERED_TOP_LABEL.fullmatch(labels[-1])) and labels[0][:1].isalpha() and "_" not in dotted


def _is_program(found: re.Match[str]) -> bool:
    """Whether a text with dots is a file, a module, the class of an error, or a method in a line of code."""
    dotted, text = found.group(), found.string
    before, after = text[max(0, found.start() - 300) : found.start()], text[found.end() : found.end() + 2]
    last = dotted.rpartition(".")[2]
    if _ERROR_CLASS.fullmatch(last) or _OWN_FILE.fullmatch(dotted) or _OBJECT.search(before):
        return True
    if _SOURCE_FILE.fullmatch(dotted) and ("_" in dotted or _is_folder(before) or _stem(dotted) in _stems()):
        return True
    if dotted.startswith(("self.", "cls.")):
        return after.startswith("(") and _METHOD.fullmatch(last) is not None
    has_port = after[:1] == ":" and after[1:].isdigit()
    return not has_port and not _OF_NAME.search(before) and _is_module(dotted)


def _stem(file: str) -> str:
    return file.partition(".")[0]


def _is_folder(before: str) -> bool:
    """Whether what stands before a name is the folder of a file: an absolute one, or several."""
    word = re.split(r"[\s'\"(]", before)[-1]
    return _FOLDER.fullmatch(word) is not None


def _is_module(dotted: str) -> bool:
    """Whether it is a module of this program, or a class in one."""
    if dotted in sys.modules or dotted in _own_modules():
        return True
    module, _, name = dotted.rpartition(".")
    is_there = module in _own_modules() or hasattr(sys.modules.get(module), name)
    return name[:1].isupper() and is_there


@lru_cache(maxsize=1)
def _own_modules() -> frozenset[str]:
    """The names of all modules of this package, loaded or not."""
    package = Path(__file__).parents[1]
    files = [file.relative_to(package.parent).with_suffix("") for file in package.rglob("*.py")]
    return frozenset(".".join(part for part in file.parts if part != "__init__") for file in files)


@lru_cache(maxsize=1)
def _stems() -> frozenset[str]:
    """The names of the source files of this package."""
    return frozenset(name.rpartition(".")[2] for name in _own_modules())


def _without_random(found: re.Match[str]) -> str:
    """Take out what somebody's program has drawn: a token, the path of a host, a part of an invite."""
    run = found.group()
    if any(len(part) >= _UNBROKEN for part in re.split("[_-]", run)) or any(map(_is_hex, run.split("_"))):
        return BLANK
    if _WORDS.fullmatch(run) or _ERROR_CLASS.fullmatch(run):
        return run
    kinds = _KINDS.findall(run)
    has_both = sum(map(str.isupper, run)) > 1 and sum(map(str.islower, run)) > 1
    part = _RANDOM_PART_WITH_DIGITS if any(map(str.isdigit, run)) else _RANDOM_PART
    return BLANK if has_both and len(kinds) - 1 >= part * len(run) else run


def _is_hex(part: str) -> bool:
    return bool(_HEX.fullmatch(part)) and any(map(str.isdigit, part)) and any(map(str.isalpha, part))
