"""Packs the browser extension: `make extension` writes dist/freespan-chromium.zip and dist/freespan-firefox.xpi.

What the extension shares with the web pages of a host (the bridge, the rules, the words) is taken from there, so that
there is one source. A reviewer of an extension store reads what we wrote: nothing is made small; one script is joined.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from freespan import __version__
from freespan.web.scripts import joined

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "extension"
WEB = ROOT / "src" / "freespan" / "web"
DIST = ROOT / "dist"
PACKAGES = {"chromium": "freespan-chromium.zip", "firefox": "freespan-firefox.xpi"}
"""The name of the package for each browser, which is also that of its folder in SOURCE."""
LOCALES = {"zh-Hans": "zh_CN", "zh-Hant": "zh_TW"}
"""Where browsers name a language in another way than we do."""

_SHARED = ("*.html", "*.css", "*.js", "icons/*.png", "languages/*.json")
_IMPORT = re.compile(r'\b(?:from |import |import\()"(\.[^"]+)"')
_COMMENT = re.compile(r"/\*\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)  # types are imported in them
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time, for ZIP: the same files give the same package


def files_of(browser: str) -> dict[str, bytes]:
    """The package of `chromium` or `firefox`: names, with slashes, and contents."""
    own = [path for pattern in _SHARED for path in SOURCE.glob(pattern)]
    files = {path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in own}
    files |= {path.name: path.read_bytes() for path in (SOURCE / browser).iterdir()}
    files["manifest.json"] = _manifest(files["manifest.json"])
    if "frame.html" in files:
        # What has no origin may load no module of the extension, but a script.
        files["frame.js"] = joined("bridge/main.js", lambda name: (WEB / "static" / name).read_text("utf-8")).encode()
    files |= _modules(files)
    files |= _words()
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a package as a folder, as browsers load it while it is developed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pack(files: Mapping[str, bytes], package: Path) -> None:
    """Write a package as one file, as stores take it."""
    package.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _BEGINNING), files[name], zipfile.ZIP_DEFLATED)


def _manifest(source: bytes) -> bytes:
    return _json({**json.loads(source), "version": __version__})


def _modules(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What the extension's own modules import, and what that imports in turn."""
    found: dict[str, bytes] = {}
    waiting = [name for name in files if name.endswith(".js")]
    while waiting:
        name = waiting.pop()
        source = files.get(name) or found[name]
        for wanted in _IMPORT.findall(_COMMENT.sub("", source.decode())):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), wanted))
            if target not in files and target not in found:
                found[target] = (WEB / target).read_bytes()
                waiting.append(target)
    return found


def _words() -> dict[str, bytes]:
    """The words of the switch, and of them what a manifest may say, in the form that browsers have for that."""
    words: dict[str, bytes] = {}
    for path in (WEB / "static" / "languages").glob("*.json"):
        content = path.read_bytes()
        words[f"static/languages/{path.name}"] = content
        title = json.loads(content)["texts"]["title"]
        words[f"_locales/{LOCALES.get(path.stem, path.stem)}/messages.json"] = _json(
            {"description": {"message": title}}
        )
    return words


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def main() -> int:
    for browser, package in PACKAGES.items():
        files = files_of(browser)
        pack(files, DIST / package)
        print(f"dist/{package}: {len(files)} files, {(DIST / package).stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
