"""The files of the WordPress plugin, without a WordPress."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from freespan import __version__
from scripts.wordpress_zip import PLUGIN, ROOT


@pytest.mark.parametrize("file", sorted(PLUGIN.rglob("*.php")), ids=lambda file: str(file.relative_to(PLUGIN)))
def test_php_can_read_it(file: Path) -> None:
    if not shutil.which("php"):
        pytest.skip("no php here: scripts/install-wordpress.sh")
    done = subprocess.run(["php", "-l", str(file)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout


def test_translators_have_all_texts(tmp_path: Path) -> None:
    if not shutil.which("xgettext"):
        pytest.skip("no xgettext here: scripts/install-wordpress.sh")
    texts = tmp_path / "texts.pot"
    subprocess.run([str(ROOT / "scripts/wordpress_strings.sh"), str(texts)], timeout=30, check=True)
    kept = PLUGIN / "languages/freespan-switch.pot"
    assert kept.read_text("utf-8") == texts.read_text("utf-8"), "run scripts/wordpress_strings.sh"


def test_all_files_name_one_version() -> None:
    assert f"Version:           {__version__}\n" in (PLUGIN / "freespan-switch.php").read_text("utf-8")
    assert f"Stable tag: {__version__}\n" in (PLUGIN / "readme.txt").read_text("utf-8")
    assert f"'version' => '{__version__}'" in (PLUGIN / "block/editor.asset.php").read_text("utf-8")


YES_OR_NO = {
    "no": ("false", "no", "0", "off", "FALSE", " Off ", "n", "null"),
    "yes": ("true", "yes", "1", "on", "True", " YES ", "y"),
    None: ("maybe", "2", "nope"),
}


def test_what_authors_write_for_yes_and_no_is_taken_as_the_element_takes_it() -> None:
    if not shutil.which("php"):
        pytest.skip("no php here: scripts/install-wordpress.sh")
    words = [word for written in YES_OR_NO.values() for word in written]
    names = ("globe", "goodbye", "remember", "run-when-hidden")
    program = f"""
        namespace {{ define('ABSPATH', '/'); function __($text) {{ return $text; }} }}
        namespace FreespanSwitch {{
            require {json.dumps(str(PLUGIN / "includes/attributes.php"))};
            $found = [];
            foreach ({json.dumps(names)} as $name)
                foreach ({json.dumps(words)} as $word) $found[$name][$word] = accepted(attributes()[$name], $word);
            echo json_encode($found);
        }}"""
    done = subprocess.run(["php", "-r", program], capture_output=True, text=True, timeout=30, check=True)
    wanted = {word: meaning for meaning, written in YES_OR_NO.items() for word in written}
    assert json.loads(done.stdout) == dict.fromkeys(names, wanted)
