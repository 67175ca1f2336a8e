"""The examples in docs/library.md, each run as it stands against a host, a bridge and a site."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import types
from pathlib import Path
from typing import Any

import pytest

import freespan
from tests.api.conftest import SECONDS
from tests.support.site import SMALL, Site

PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")
OUTPUT = {
    "A client": [SMALL.decode().strip()],
    "With aiohttp": ["200 This is the site."],
    "With httpx": ["200 This is the site."],
    "Status and events": ["looking ", "connecting ", "open a bridge carries this session"],
    "A bridge": ["waiting 0 0"],
    "A host": ["http://127.0.0.1:", "freespan2_", "0 0 0 0"],
    "Errors": ["invite: is cut off or mistyped", "dns_error the site's name could not be resolved"],
}
"""What is in the output of each example, by its heading."""


def examples() -> list[Any]:
    found = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == len(OUTPUT)
    return [pytest.param(code, lines, id=name) for code, (name, lines) in zip(found, OUTPUT.items(), strict=True)]


def adapted(code: str, site: Site) -> str:
    """The example with a site and ports of the test's own."""
    code = code.replace("http://example.org/", f"http://site.test:{site.port}/")
    return code.replace('"example.org", 80', f'"site.test", {site.port}').replace("port=8787", "port=0")


@pytest.mark.parametrize(("code", "expected"), examples())
async def test_an_example(
    code: str,
    expected: list[str],
    host: freespan.Host,
    bridge: freespan.Bridge,
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"invite": host.invite, "url": host.url}
    compiled = compile(adapted(code, site), "library.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    async with asyncio.timeout(SECONDS):
        if compiled.co_flags & inspect.CO_COROUTINE:
            await types.FunctionType(compiled, names)()
        else:
            await asyncio.to_thread(exec, compiled, names)  # it has a loop of its own
    output = capsys.readouterr().out
    assert [part for part in expected if part not in output] == [], output


def test_the_page_names_every_error() -> None:
    errors = {
        name for name in freespan.__all__ if name.endswith("Error") and name not in ("FreespanError", "LinkError")
    }
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == errors
