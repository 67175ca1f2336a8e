"""What is pasted into the plugin's settings, without a WordPress: PHP judges the vectors that it shares."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.wordpress_zip import PLUGIN

HOSTS = json.loads((Path(__file__).parents[1] / "vectors" / "pastes.json").read_text("utf-8"))["hosts"]
SCRIPT = """
namespace FreespanSwitch;
define('ABSPATH', 'x');
const HOST_MAX = 1000;
error_reporting(E_ALL);
set_error_handler(function ($level, $message) { throw new \\ErrorException($message); });
require $argv[1];
echo json_encode(array_map(__NAMESPACE__ . '\\find_host', json_decode(stream_get_contents(STDIN), true)));
"""


def found_by_php(texts: list[str]) -> list[dict[str, str]]:
    if not shutil.which("php"):
        pytest.skip("no php here: scripts/install-wordpress.sh")
    done = subprocess.run(
        ["php", "-r", SCRIPT, str(PLUGIN / "includes" / "paste.php")],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def test_the_shared_vectors() -> None:
    """But for names that are not Latin: PHP alone does not convert them, and WordPress does."""
    rows = [row for row in HOSTS if row["kind"] != "names that are not Latin"]
    wanted = [{"host": f"{row['host']}/"} if "host" in row else {"fault": row["fault"]} for row in rows]
    found = found_by_php([row["text"] for row in rows])
    assert [(row["text"], got) for row, got in zip(rows, found, strict=True)] == [
        (row["text"], want) for row, want in zip(rows, wanted, strict=True)
    ]


def test_long_texts_have_an_end() -> None:
    host = "https://bridge.example.org/garden/switch.js"
    texts = [f"{text} {host}" for text in ("lorem ipsum " * 8_000, "<a" * 49_000, "&amp;" * 19_000, "%25" * 33_000)]
    assert found_by_php(texts) == [{"host": "https://bridge.example.org/garden/"}] * 4
    assert found_by_php(["https://" * 12_000, "x" * 1_000_000, "://" + "a" * 90_000]) == [
        {"fault": "none"},
        {"fault": "none"},
        {"fault": "none"},
    ]
