"""Loads the pages of a host that other sites load and embed, as a browser does that has never been there."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence

from freespan.doctor.findings import Finding
from freespan.doctor.pages import LOOKED_AT, Page, finding_of_bodies, finding_of_caches, finding_of_headers
from freespan.doctor.server import Server, finding_of
from freespan.wire.causes import Cause, cause_of_status


class ServedPages:
    """The pages of one host; they are loaded once for all checks."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loading: asyncio.Task[Sequence[Page] | Cause] | None = None

    async def look_at_headers(self) -> Finding:
        """Whether other sites can embed them."""
        return await self._judged(finding_of_headers)

    async def look_at_bodies(self) -> Finding:
        """Whether they come as they were sent."""
        return await self._judged(finding_of_bodies)

    async def look_at_caches(self) -> Finding:
        """Whether caches keep them for too long."""
        past = await self._load_all(f"?{secrets.token_hex(8)}")  # no cache can have that
        if isinstance(past, Cause):
            return finding_of(past)
        return await self._judged(lambda pages: finding_of_caches(pages, past))

    async def _judged(self, judge: Callable[[Sequence[Page]], Finding]) -> Finding:
        if self._loading is None:
            self._loading = asyncio.create_task(self._load_all(), name="doctor-pages")
        found = await asyncio.shield(self._loading)
        return finding_of(found) if isinstance(found, Cause) else judge(found)

    async def _load_all(self, query: str = "") -> Sequence[Page] | Cause:
        pages = []
        for path in LOOKED_AT:
            page = await self._load(path, f"{self._server.url}{path}{query}")
            if isinstance(page, Cause):
                return page
            pages.append(page)
        return pages

    async def _load(self, path: str, url: str) -> Page | Cause:
        server = self._server

        async def load() -> Page | Cause:
            async with asyncio.timeout(server.settings.answer_seconds), server.http.get(url) as response:
                if response.status != 200:
                    return cause_of_status(response.status, response.headers, url, server.place)
                headers = [(name.lower(), value) for name, value in response.headers.items()]
                return Page(path, headers, await response.read())

        return await server.ask(load)
