"""Scripts as browsers are sent them: without comments and blanks, and some with all that they import in one file. Pure.

What is joined are closed worlds: an entry whose modules nobody else imports. One module is there twice, and keeps
nothing: volunteer/signs.js, which the switch loads before it loads any of these.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

import rjsmin  # type: ignore[import-untyped]

JOINED = ("bridge.js", "frame/main.js", "globe/page.js", "self-test/self-test.js")
"""Entries that are sent with all that they import."""

_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_HERE = "import.meta.url"
_STYLES = re.compile(r"(?<=const )((?:CSS|DARK|STYLE)=)`([^`]+)`")
"""Style sheets in scripts have these names."""


def script(name: str, read: Callable[[str], str]) -> str:
    """What is sent for a script.

    Args:
        name: its path.
        read: gives the source of a path.

    Raises:
        ValueError: it is to be joined, and has an import or export in a form that this cannot join, or a circle.
    """
    return plain(joined(name, read) if name in JOINED else read(name))


def plain(source: str) -> str:
    """Take out comments and blanks that mean nothing, in style sheets too."""
    return _STYLES.sub(_plain_style, str(rjsmin.jsmin(source))) + "\n"


def _plain_style(found: re.Match[str]) -> str:
    style = re.sub(r"/\*.*?\*/", "", found[2], flags=re.DOTALL)
    style = re.sub(r"\s+", " ", style)
    style = re.sub(r" ?([{};,]) ?", r"\1", style)
    return f"{found[1]}`{style.replace(': ', ':').replace(';}', '}').strip()}`"


def joined(entry: str, read: Callable[[str], str]) -> str:
    """A script with all that it imports: each module becomes a function that gives back what it exports, called once.

    Raises:
        ValueError: an import or export has a form that this cannot join, or there is a circle.
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
