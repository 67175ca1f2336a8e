"""One WordPress and one browser of each kind for the tests of this folder, on demand: `make wordpress-test`."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from freespan.browsers import Browser, Page, find_browsers, launch
from tests.support.programs import Programs
from tests.wordpress import installation, pages
from tests.wordpress.installation import WordPress


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skip what was not asked for or cannot be: here, so that the reason is one line of the summary."""
    if "bare_site" not in item.fixturenames:
        return
    if not os.environ.get("FREESPAN_WORDPRESS"):
        pytest.skip("the tests in a real WordPress: make wordpress-test")
    if reason := _why_not():
        pytest.skip(reason)


@functools.cache
def _why_not() -> str:
    return installation.why_not()


@pytest.fixture(scope="session")
def bare_site() -> Iterator[WordPress]:
    """WordPress before its installer has run; `wordpress` is what tests ask for."""
    with installation.running() as site:
        yield site


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if "chromium" not in find_browsers():
        pytest.skip("chromium is not installed")
    async with launch("chromium", height=1000) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    if request.param not in find_browsers():
        pytest.skip(f"{request.param} is not installed")
    async with launch(request.param, height=1000) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def installed(bare_site: WordPress, chromium: Browser) -> WordPress:
    """WordPress as its own installer leaves it."""
    page = await chromium.open("about:blank")
    await pages.install(page, bare_site)
    await page.close()
    bare_site.add_user("author", "author")
    return bare_site


@pytest.fixture
def wordpress(installed: WordPress) -> Iterator[WordPress]:
    """WordPress with the plugin, active and without settings; PHP has nothing to say about it, not even a notice."""
    installed.install_plugin()
    yield installed
    assert not installed.complaints()


@pytest_asyncio.fixture(loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    page = await chromium.open("about:blank")
    try:
        yield page
    finally:
        await page.close()


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a real host, as `freespan serve` prints it."""
    programs = Programs()
    data: Path = tmp_path_factory.mktemp("host")
    try:
        program = programs("serve", "--json", "--port", "0", "--allow-private", "--data", str(data))
        yield program.event(lambda event: event.get("event") == "ready")["url"]
    finally:
        programs.kill()
