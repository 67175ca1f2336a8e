"""Scripts as they are sent to browsers: minified, and some joined with all that they import. Pure.

Only entries whose modules nothing else imports are joined. One module is sent twice, and holds no state:
volunteer/detect.js, which the switch loads before it loads any of these.
"""

from __future__ import annotations

import itertools
import posixpath
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator

import rjsmin  # type: ignore[import-untyped]

JOINED = ("headless.js", "bridge/main.js", "globe/page.js", "self-test/self-test.js")
"""Entries that are sent as one file, with all that they import."""

_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_HERE = "import.meta.url"
_STYLES = re.compile(r"(?<=const )((?:CSS|DARK|STYLE)=)`([^`]+)`")
"""Style sheets in scripts have these names."""
_CLASS = re.compile(r"^(?:export )?class ", re.MULTILINE)
_PRIVATE_NAME = re.compile(r"(?:\.|^ *(?:async |get |set |static )*)#(\w+)", re.MULTILINE)
_PRIVATE_ANYWHERE = re.compile(r"(?<=[.;{}\s\w])#(\w+)")
"""A private name (`#name`) where it is declared or used, never right after a quote, as a selector or a colour is."""


def script(name: str, read: Callable[[str], str]) -> str:
    """Return a script as it is sent.

    Args:
        name: its path.
        read: returns the source of a path.

    Raises:
        ValueError: it is to be joined, and an import or export has a form that cannot be joined, or imports are cyclic.
    """
    if name in JOINED:
        return minified(joined(name, lambda module: with_short_names(read(module))))
    return minified(with_short_names(read(name)))


def minified(source: str) -> str:
    """Remove comments and needless white space, in style sheets too."""
    return _STYLES.sub(_minified_style, str(rjsmin.jsmin(source))) + "\n"


def _minified_style(found: re.Match[str]) -> str:
    style = re.sub(r"/\*.*?\*/", "", found[2], flags=re.DOTALL)
    style = re.sub(r"\s+", " ", style)
    style = re.sub(r" ?([{};,]) ?", r"\1", style)
    return f"{found[1]}`{style.replace(': ', ':').replace(';}', '}').strip()}`"


def with_short_names(source: str) -> str:
    """Give the private names of a module's classes one or two letters, so that a class can be clear and small.

    Nothing outside a class sees them. Equal names in several classes of a module become the same short name.
    """
    if not _CLASS.search(source):
        return source  # it may hold data that looks like private names
    names = Counter(_PRIVATE_NAME.findall(source))
    short = {name: new for (name, _), new in zip(names.most_common(), _short_names(), strict=False)}
    return _PRIVATE_ANYWHERE.sub(lambda found: f"#{short.get(found[1], found[1])}", source)


def _short_names() -> Iterator[str]:
    for length in itertools.count(1):
        yield from map("".join, itertools.product(string.ascii_letters, repeat=length))


def joined(entry: str, read: Callable[[str], str]) -> str:
    """Join a script with all that it imports: each module becomes a function, called once, that returns its exports.

    Raises:
        ValueError: an import or export has a form that cannot be joined, or imports are cyclic.
    """
    places: dict[str, int] = {}
    parts: list[str] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{name} imports itself, by way of {', '.join(above)}")
        if name in places:
            return
        source = read(name)
        folder = posixpath.dirname(name)
        for _, path in _IMPORT.findall(source):
            add(posixpath.normpath(posixpath.join(folder, path)), (*above, name))
        body = _IMPORT.sub(lambda found: _binding(found, folder, places), source)
        if name == entry:
            parts.append(body)
            return
        names = _EXPORT.findall(body)
        body = _EXPORT.sub("", body)
        if other := _OTHER.search(body):
            raise ValueError(f"{name}: cannot join {other[0]!r}")
        here = posixpath.relpath(name, posixpath.dirname(entry) or ".")
        body = body.replace(_HERE, f'new URL("{here}",{_HERE})')
        places[name] = len(places)
        parts.append(f"const ${places[name]}=(()=>{{{body}\nreturn{{{','.join(names)}}}}})();")

    add(entry, ())
    return "\n".join(parts)


def _binding(found: re.Match[str], folder: str, places: dict[str, int]) -> str:
    if found[1] is None:
        return ""
    place = places[posixpath.normpath(posixpath.join(folder, found[2]))]
    return f"const{{{found[1].replace(' as ', ':')}}}=${place};"
