"""The files of the WordPress plugin, without a WordPress."""

from __future__ import annotations

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
