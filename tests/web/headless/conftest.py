"""A page of another origin that makes a headless switch."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.web.fakes import FakeHost, FakeSite, served


@pytest_asyncio.fixture(loop_scope="session")
async def site(host: FakeHost) -> AsyncIterator[FakeSite]:
    """A page that makes a bridge of the options after `#`, and keeps what it says."""
    site = FakeSite()
    site.page = f"""<script type="module">
        import {{ HeadlessSwitch }} from "{host.url}/headless.js";
        const options = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{{}}");
        const freespan = window.freespan = new HeadlessSwitch(options);
        window.HeadlessSwitch = HeadlessSwitch;
        window.statuses = [];
        window.helped = 0;
        freespan.addEventListener("change", () => window.statuses.push(freespan.status));
        freespan.addEventListener("helped", () => window.helped++);
    </script>"""
    async with served(site):
        yield site
