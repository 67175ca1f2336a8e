"""Build the packages of the browser extension: `make extension` writes dist/freespan-chromium.zip and -firefox.xpi.

What the extension shares with the pages of a host (the bridge, the rules, the texts) is taken from there, so that
there is one source. Reviewers of extension stores read the code as it was written: nothing is minified, and one script
is joined.
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
"""The package of each browser, whose name is also that of its folder in SOURCE."""
LOCALES = {"zh-Hans": "zh_CN", "zh-Hant": "zh_TW"}
"""Languages with another name in browsers."""

_SHARED = ("*.html", "*.css", "*.js", "icons/*.png", "languages/*.json")
_IMPORT = re.compile(r'\b(?:from |import |import\()"(\.[^"]+)"')
_COMMENT = re.compile(r"/\*\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)  # types are imported in them
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # one date for all files, so that the same files give the same package


def files_of(browser: str) -> dict[str, bytes]:
    """Return the files of the package for `chromium` or `firefox`, by their paths with slashes."""
    own = [path for pattern in _SHARED for path in SOURCE.glob(pattern)]
    files = {path.relative_to(SOURCE).as_posix(): path.read_bytes() for path in own}
    files |= {path.name: path.read_bytes() for path in (SOURCE / browser).iterdir()}
    files["manifest.json"] = _manifest(files["manifest.json"])
    if "bridge.html" in files:
        # An opaque origin may load scripts of the extension, and no modules.
        files["bridge.js"] = joined("bridge/main.js", lambda name: (WEB / "static" / name).read_text("utf-8")).encode()
    files |= _modules(files)
    files |= _texts()
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    return files


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a package as a folder, as browsers load it during development."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pack(files: Mapping[str, bytes], package: Path) -> None:
    """Write a package as one file, as stores accept it."""
    package.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), files[name], zipfile.ZIP_DEFLATED)


def _manifest(source: bytes) -> bytes:
    return _json({**json.loads(source), "version": __version__})


def _modules(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the modules that the extension's own import, directly and indirectly."""
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


def _texts() -> dict[str, bytes]:
    """Return the texts of the switch, and those of the manifest in the format of browsers."""
    texts: dict[str, bytes] = {}
    for path in (WEB / "static" / "languages").glob("*.json"):
        content = path.read_bytes()
        texts[f"static/languages/{path.name}"] = content
        title = json.loads(content)["texts"]["title"]
        texts[f"_locales/{LOCALES.get(path.stem, path.stem)}/messages.json"] = _json(
            {"description": {"message": title}}
        )
    return texts


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
