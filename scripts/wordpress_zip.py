"""Packs the WordPress plugin into the zip that WordPress installs: `make wordpress-zip`, or `wordpress_zip.py [FILE]`.

The same files give the same bytes: the zip has no times, and its order is fixed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

ROOT = Path(__file__).parent.parent
PLUGIN = ROOT / "wordpress" / "freespan-switch"
ZIP = ROOT / "dist" / "freespan-switch.zip"
_READABLE_FILE = 0o100644 << 16


def pack(to: Path = ZIP) -> Path:
    """Write the zip with the licence in it; returns its path."""
    files = {path.relative_to(PLUGIN.parent).as_posix(): path for path in PLUGIN.rglob("*") if path.is_file()}
    files[f"{PLUGIN.name}/LICENSE"] = ROOT / "LICENSE"
    to.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(to, "w", ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            entry = ZipInfo(name)  # of 1980, the earliest date that a zip knows
            entry.external_attr = _READABLE_FILE
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return to


if __name__ == "__main__":
    print(pack(*map(Path, sys.argv[1:2])))
