"""Drives each installed browser through everything that `freespan.browsers` offers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from freespan.browsers import BrowserError, find_browsers, launch

KINDS = ["chromium", "firefox"]
PAGE = """<!doctype html><title>t</title><body style="margin:0"><x-box style="display:block;height:200px"></x-box>
<script>
customElements.define("x-box", class extends HTMLElement {
  constructor() {
    super();
    const button = document.createElement("button");
    button.style = "width: 100%; height: 100%";
    button.onclick = (event) => (window.clicked = event.isTrusted);
    this.attachShadow({mode: "open"}).append(button);
  }
});
onkeydown = (event) => (window.keys ??= []).push(event.key);
</script>"""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param not in find_browsers():
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    application = web.Application()
    application.router.add_get("/", serve)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def profiles(folder: Path) -> list[Path]:
    return list(folder.glob("freespan-browser-*"))


def group_is_gone(group: int) -> bool:
    """No process of the group runs; those that wait for a slow init to notice do not count."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, process_group = status.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state not in "ZX":
                return False
    return True


async def test_drives_a_page_as_a_person_does(kind: str, url: str, temporary: Path) -> None:
    async with launch(kind, width=640, height=480, dark=True) as browser:
        page = await browser.open(url)
        assert await page.evaluate("[innerWidth, innerHeight]") == [640, 480]
        assert await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        await page.click("x-box")
        assert await page.evaluate("window.clicked") is True
        await page.resize(320, 256)
        await page.wait_for("innerWidth === 320 && innerHeight === 256")
        for key in ("Enter", "Space", "Tab", "a"):
            await page.press(key)
        assert await page.evaluate("window.keys") == ["Enter", " ", "Tab", "a"]
        await page.screenshot(temporary / "page.png")
        assert (temporary / "page.png").read_bytes().startswith(b"\x89PNG")
        await page.navigate("about:blank")
        assert await page.evaluate("location.href") == "about:blank"
        await page.close()
        group = browser.pid
    assert profiles(temporary) == []
    assert group_is_gone(group)


async def test_values_and_errors_of_scripts(kind: str, url: str) -> None:
    async with launch(kind) as browser:
        page = await browser.open(url)
        assert await page.evaluate("{a: [1, null, 'x']}") == {"a": [1, None, "x"]}
        assert await page.evaluate("undefined") is None
        assert await page.evaluate("await Promise.resolve(5) // five") == 5
        for script, word in (("missing.name", "missing"), ("Promise.reject(new Error('no'))", "no"), ("(", "Error")):
            with pytest.raises(BrowserError, match=word):
                await page.evaluate(script)
        with pytest.raises(BrowserError, match="last value: 0"):
            await page.wait_for("0", 0.1)
        with pytest.raises(BrowserError, match="nothing to click"):
            await page.click("#nowhere")
        with pytest.raises(BrowserError):
            await page.navigate("http://127.0.0.1:1/")


async def test_nothing_stays_after_an_error_or_a_kill(kind: str, temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with launch(kind) as browser:
            raise ZeroDivisionError
    assert profiles(temporary) == []
    async with launch(kind) as browser:
        page = await browser.open("about:blank")
        browser.kill()
        with pytest.raises(BrowserError):
            await page.evaluate("1")
        await browser.close()
        await browser.close()
    assert profiles(temporary) == []
    with pytest.raises(ProcessLookupError):
        os.kill(browser.pid, 0)


async def test_a_start_that_is_cancelled_leaves_nothing(kind: str, temporary: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.15), launch(kind):
            pytest.fail("no browser starts so fast")
    assert profiles(temporary) == []


async def test_a_program_that_is_no_browser(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = temporary / "chromium"
    fake.write_text("#!/bin/sh\necho cannot open display >&2; exit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(temporary), prepend=":")
    with pytest.raises(BrowserError, match="cannot open display"):
        async with launch("chromium"):
            pass
    with pytest.raises(BrowserError, match="no netscape found"):
        async with launch("netscape"):
            pass
    assert profiles(temporary) == []
