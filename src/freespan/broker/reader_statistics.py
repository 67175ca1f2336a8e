"""`GET /v1/countries`: how many readers came from which country; census.py says what may be published."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from freespan.broker.census import Census
from freespan.broker.responses import json_response
from freespan.broker.settings import CensusSettings
from freespan.sources.requests import request_address
from freespan.wire.addresses import Address, is_public
from freespan.wire.messages import Countries
from freespan.wire.sdp import public_addresses

if TYPE_CHECKING:
    from freespan.broker.country_database import CountryDatabase


class ReaderStatistics:
    """Counts the readers who were given a bridge, and publishes the figures.

    A reader's country is known if the address that sends the request and an address in its offer are in the same
    country. So readers behind a front, whose requests the front sends, count as "somewhere", and nobody can invent
    readers in a country without having addresses in it.

    Args:
        database: None on a host that has no database; then every reader is "somewhere".
        proxy_header: the header in which a web server in front of this one names the sender of the request, such as
            `X-Forwarded-For`; empty if there is no such server.
        clock: seconds that never go back.
        settings: what is counted for how long.
    """

    def __init__(
        self,
        database: CountryDatabase | None = None,
        proxy_header: str = "",
        clock: Callable[[], float] = time.monotonic,
        settings: CensusSettings | None = None,
    ) -> None:
        self._database = database
        self._proxy_header = proxy_header
        self._clock = clock
        self._settings = settings or CensusSettings()
        self._census = Census(lambda: secrets.token_bytes(32), self._settings)
        self._cleanup: asyncio.TimerHandle | None = None

    def routes(self) -> list[web.RouteDef]:
        """The route for everybody."""
        return [web.get("/v1/countries", self.handle_countries)]

    async def handle_countries(self, request: web.Request) -> web.Response:
        """Answer with the figures, which change only every ten minutes."""
        figures = self._census.figures(self._clock())
        cache = {"Cache-Control": f"public, max-age={self._settings.cache_seconds}"}
        return json_response(Countries(figures.countries, figures.somewhere), cache)

    def count(self, request: web.Request, offer: str) -> None:
        """Count the reader who sent this request with this offer, and was given a bridge."""
        address = request_address(request, self._proxy_header)
        if address is not None:
            self._census.count(address, self._country(address, offer), self._clock())
            self._schedule_cleanup()

    def _country(self, address: Address, offer: str) -> str | None:
        if self._database is None or not is_public(address):
            return None
        country = self._database.country(address)
        offered = {self._database.country(other) for other in public_addresses(offer)} if country else set()
        return country if country in offered else None

    def _schedule_cleanup(self) -> None:
        """Make sure that old marks are deleted in time even if nobody comes or asks any more."""
        if self._cleanup is None:
            seconds = self._settings.memory_seconds + self._settings.step_seconds
            self._cleanup = asyncio.get_running_loop().call_later(seconds, self._clean_up)

    def _clean_up(self) -> None:
        self._cleanup = None
        self._census.delete_old(self._clock())
        if not self._census.is_empty:
            self._schedule_cleanup()
