"""Real browsers with the extension in them, one of each kind; a fresh host and a forgetful extension for each test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from freespan.browsers import Browser, BrowserError, Page, find_browsers, launch
from scripts import make_extension
from tests.web.fakes import FakeHost, served

WIDTH, HEIGHT = 360, 600
NOTHING = {"manifest_version": 3, "name": "nothing", "version": "1"}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The extension for each browser, unpacked."""
    folders = {kind: tmp_path_factory.mktemp(kind) for kind in make_extension.PACKAGES}
    for kind, folder in folders.items():
        make_extension.write(make_extension.files_of(kind), folder)
    return folders


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["chromium", "firefox"])
async def browser(
    request: pytest.FixtureRequest, folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    kind = request.param
    if kind not in find_browsers():
        pytest.skip(f"{kind} is not installed")
    async with AsyncExitStack() as stack:
        try:
            browser = await stack.enter_async_context(launch(kind, width=WIDTH, height=HEIGHT, extension=folders[kind]))
            await (await open_popup(browser)).close()
        except BrowserError:
            if await loads_extensions(kind, tmp_path_factory.mktemp("nothing")):
                raise
            pytest.skip(f"this {kind} loads no extension from a folder")
        yield browser


async def loads_extensions(kind: str, folder: Path) -> bool:
    """Whether a browser takes the least that is an extension."""
    gecko = {"browser_specific_settings": {"gecko": {"id": "nothing@nothing.invalid"}}} if kind == "firefox" else {}
    (folder / "manifest.json").write_text(json.dumps(NOTHING | gecko))
    (folder / "page.html").write_text("nothing")
    try:
        async with launch(kind, extension=folder) as browser:
            await browser.open(f"{browser.extension}/page.html")
    except BrowserError:
        return False
    return True


@pytest_asyncio.fixture(loop_scope="session")
async def host() -> AsyncIterator[FakeHost]:
    host = FakeHost()
    async with served(host):
        yield host
    assert not [origin for origin in host.page_origins if "extension:" in (origin or "")]


@pytest_asyncio.fixture(loop_scope="session")
async def popup(browser: Browser, host: FakeHost) -> AsyncIterator[Page]:
    """The popup in a tab of its own, of an extension that nobody has used; forgetful at the end."""
    page = await open_popup(browser)
    await page.wait_for("document.body.dataset.state === 'off'")
    yield page
    try:
        await page.evaluate("localStorage.clear()")
    except BrowserError:  # the test has closed it
        page = await open_popup(browser)
        await page.evaluate("localStorage.clear()")
    await page.close()


async def open_popup(browser: Browser) -> Page:
    page = await browser.open(f"{browser.extension}/popup.html")
    await page.wait_for("document.body.dataset.state")
    return page
