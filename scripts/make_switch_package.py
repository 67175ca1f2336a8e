"""Build the npm package of the switch, for sites with a bundler: `python scripts/make_switch_package.py [FOLDER]`.

FOLDER (dist/switch by default) gets the source files of the switch and a package.json. `npm pack FOLDER` makes an
archive of it, and `npm install FOLDER` installs it. The iframes still come from the host, which the attribute `host`
names.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from freespan import __version__

ROOT = Path(__file__).parent.parent
STATIC = ROOT / "src" / "freespan" / "web" / "static"
FILES = ("switch.js", "headless.js", "element", "volunteer", "languages")
NAME = "freespan-switch"
README = f"""# {NAME}

A switch with which visitors of a page help readers whose network blocks sites. `HOST` is a freespan host.

```html
<freespan-switch host="https://HOST/"></freespan-switch>
<script type="module">import "{NAME}";</script>
```

Or without the element:

```js
import {{ HeadlessSwitch }} from "{NAME}/headless";
const freespan = new HeadlessSwitch({{ host: "https://HOST/" }});
freespan.addEventListener("change", () => console.log(freespan.status));
freespan.start(); // only after the visitor has said yes
```

The languages lie beside the modules (`languages/`) and are loaded from there: a bundler must copy that folder, or leave
the package as it is; without them the switch speaks English.
"""


def main(folder: Path) -> None:
    """Write the package, and remove what was in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        source = STATIC / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    shutil.copy(ROOT / "LICENSE", folder)
    (folder / "README.md").write_text(README, "utf-8")
    (folder / "package.json").write_text(json.dumps(description(), indent=2) + "\n", "utf-8")


def description() -> dict[str, object]:
    """Return the package.json, with two entry points; everything else is internal."""
    return {
        "name": NAME,
        "version": __version__,
        "description": "A switch with which visitors of a page help readers whose network blocks sites",
        "license": "Apache-2.0",
        "type": "module",
        "exports": {".": "./switch.js", "./headless": "./headless.js"},
        "sideEffects": ["./switch.js"],
        "files": list(FILES),
    }


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist" / "switch"
    main(target)
    print(f"{target}: npm pack {target}")
