"""Scripts are sent minified, and some joined; they do the same as before."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import freespan.web
from freespan.web.scripts import JOINED, minified, script, with_short_names

STATIC = Path(freespan.web.__file__).parent / "static"
NAMES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
NODE = shutil.which("node")

WORLD = {
    "a/entry.js": """
        // The entry.
        import { one, Two as Second } from "./b.js";
        import "../c.js";
        import { where } from "./d/d.js";

        export const found = [one(), new Second().value, `// no comment ${where}`, import.meta.url.slice(-8)];
        console.log(JSON.stringify(found));
    """,
    "a/b.js": """
        import { three } from "../c.js";
        const own = 1; /* in b */
        export function one() { return own + three; }
        export class Two { value = 2; }
    """,
    "c.js": """
        const own = "c"; // in c
        globalThis.times = (globalThis.times ?? 0) + 1;
        export const three = own.length + globalThis.times;
    """,
    "a/d/d.js": """
        export const where = new URL("../x", import.meta.url).href.slice(-4);
    """,
}
WORLD = {name: "\n".join(line[8:] for line in source.split("\n")) for name, source in WORLD.items()}


def joined(world: dict[str, str], monkeypatch: pytest.MonkeyPatch, entry: str = "a/entry.js") -> str:
    monkeypatch.setattr("freespan.web.scripts.JOINED", (entry,))
    return script(entry, world.__getitem__)


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("// a\nlet a = 1;\n", "let a=1;\n"),
        ("/** a\n * b; // c\n */\nlet a = 1; // d\n", "let a=1;\n"),
        ('const url = "https://HOST/";\n', 'const url="https://HOST/";\n'),
        ("a = `\n  // b ${c} /* d */`;\n", "a=`\n  // b ${c} /* d */`;\n"),
        ('a = /["/*]/.test(b);\n', 'a=/["/*]/.test(b);\n'),
    ],
)
def test_comments_and_blanks_are_not_sent(source: str, sent: str) -> None:
    assert minified(source) == sent


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        (
            "class A {\n  #long;\n  async #a() {}\n  a(b) {\n    return #long in b && this.#long + b?.#long;\n  }\n}\n",
            "class A {\n  #a;\n  async #b() {}\n  a(b) {\n    return #a in b && this.#a + b?.#a;\n  }\n}\n",
        ),
        (
            'export class A {\n  #b = "#b";\n  c = `#b ${this.#b}`;\n}\n',
            'export class A {\n  #a = "#b";\n  c = `#b ${this.#a}`;\n}\n',
        ),
        ("const DATA = `x.#data;#data`;\n", "const DATA = `x.#data;#data`;\n"),
    ],
)
def test_private_names_are_short_where_there_are_classes(source: str, sent: str) -> None:
    assert with_short_names(source) == sent


@pytest.mark.skipif(not NODE, reason="node is not installed; the browsers' tests load most scripts")
def test_joined_modules_do_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NODE
    for name, source in WORLD.items():
        path = tmp_path / "apart" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    one = tmp_path / "one" / "a" / "entry.js"
    one.parent.mkdir(parents=True)
    one.write_text(joined(WORLD, monkeypatch))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    printed = [
        subprocess.run([NODE, str(path)], capture_output=True, check=True, timeout=60, text=True).stdout
        for path in (tmp_path / "apart" / "a" / "entry.js", one)
    ]
    assert printed[0] == printed[1]
    assert json.loads(printed[0]) == [3, 2, "// no comment /a/x", "entry.js"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("export default 1;", "export default"),
        ('export { one } from "./b.js";', "export {"),
        ('import * as b from "./b.js";', r"import \*"),
        ('import { a } from "../entry.js";', "imports itself"),
    ],
)
def test_what_cannot_be_joined_is_refused(source: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=reason):
        joined(WORLD | {"a/d/d.js": source}, monkeypatch)


def test_nothing_else_imports_joined_modules() -> None:
    """Each of these worlds is closed, so that no module with a state of its own is in a page twice."""
    from tests.web.test_size import loaded_by

    with_state = {name for name in NAMES if name.startswith("volunteer/")} - {"volunteer/detect.js"}
    worlds = {name: loaded_by(name) for name in NAMES if name not in loaded_by("headless.js")}
    assert with_state <= loaded_by("headless.js")
    for name, world in worlds.items():
        if name not in JOINED and "headless.js" not in world:
            assert not world & with_state, name


@pytest.mark.skipif(not NODE, reason="node is not installed; the browsers' tests load most scripts")
def test_what_is_sent_is_javascript(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        sent = script(name, lambda name: (STATIC / name).read_text("utf-8"))
        (tmp_path / f"{number}.mjs").write_text(sent, "utf-8")
    check = 'for f in "$@"; do node --check "$f" || exit 1; done'
    done = subprocess.run(["sh", "-c", check, "sh", *map(str, sorted(tmp_path.iterdir()))], timeout=120, check=False)
    assert done.returncode == 0
