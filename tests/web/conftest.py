"""Real browsers, one of each kind for all tests of this folder, and a fresh host and site for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from freespan.browsers import Browser, Page, find_browsers, launch
from tests.web.fakes import FakeHost, FakeSite, served


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["chromium", "firefox"])
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    if request.param not in find_browsers():
        pytest.skip(f"{request.param} is not installed")
    async with launch(request.param) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def host() -> AsyncIterator[FakeHost]:
    host = FakeHost()
    async with served(host):
        yield host


@pytest_asyncio.fixture(loop_scope="session")
async def site(host: FakeHost) -> AsyncIterator[FakeSite]:
    """A page of another origin with the line that hosts give away."""
    site = FakeSite()
    site.page = host.embed
    async with served(site):
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, site: FakeSite) -> AsyncIterator[Page]:
    page = await browser.open(site.url)
    try:
        yield page
    finally:
        await page.close()
