"""The pure part of the JavaScript, tested by Node.js: each file of tests/js counts as one test here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from freespan.wire import messages

TESTS = Path(__file__).parents[1] / "js"
LEAST_VERSION = 20
SECONDS = 120


@cache
def node() -> str:
    """Return the path of Node.js, or skip the test."""
    found = shutil.which("node")
    if not found:
        pytest.skip(f"needs Node.js {LEAST_VERSION} or newer")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    if int(version.strip().removeprefix("v").partition(".")[0]) < LEAST_VERSION:
        pytest.skip(f"needs Node.js {LEAST_VERSION} or newer, and this is {version.strip()}")
    return found


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.js")))
def test_javascript(name: str, tmp_path: Path) -> None:
    sent = tmp_path / "sent.json"
    run = subprocess.run(
        [node(), "--test", "--test-reporter=spec", str(TESTS / name)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, "FREESPAN_SENT": str(sent)},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    passed = re.search(r"^\S* pass (\d+)$", run.stdout, re.MULTILINE)
    assert passed is not None, run.stdout
    assert int(passed[1]) > 0, run.stdout
    if name == "core.test.js":
        texts = json.loads(sent.read_text("utf-8"))
        for text in texts:
            messages.decode_to_broker(text)  # raises for what is not in the protocol
        assert {json.loads(text)["type"] for text in texts} == {"hello", "network", "load", "answer", "refusal"}
