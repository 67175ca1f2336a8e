"""What the broker tells the switch about where readers are: `GET /v1/countries`; census.py says what may be told."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from freespan.broker.census import Census
from freespan.wire.addresses import Address, is_public
from freespan.wire.limits import CENSUS_SECONDS, CENSUS_STEP_SECONDS, COUNTRIES_CACHE_SECONDS
from freespan.wire.messages import Countries, encode
from freespan.wire.sdp import public_addresses

if TYPE_CHECKING:
    from freespan.broker.country_database import CountryDatabase

_HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": f"public, max-age={COUNTRIES_CACHE_SECONDS}"}


class LivePicture:
    """Counts the readers who were given a bridge, and answers with the figures.

    A reader's country is known if the address that asks and an address in its offer are in the same one. Behind a front
    it is the front that asks, so those readers are "somewhere"; and nobody can make up readers in a country without
    having addresses in it.

    `database` is None on a host that has none: then everybody is "somewhere". `proxy_header` is the header in which a
    web server in front of this one names who asks, such as `X-Forwarded-For`; empty if there is none.
    """

    def __init__(
        self,
        database: CountryDatabase | None = None,
        proxy_header: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._proxy_header = proxy_header
        self._clock = clock
        self._census = Census(lambda: secrets.token_bytes(32))
        self._forgetting: asyncio.TimerHandle | None = None

    def routes(self) -> list[web.RouteDef]:
        """The door."""
        return [web.get("/v1/countries", self.handle_countries)]

    async def handle_countries(self, request: web.Request) -> web.Response:
        """The figures, which are the same for ten minutes."""
        figures = self._census.figures(self._clock())
        text = encode(Countries(figures.countries, figures.somewhere))
        return web.Response(text=text, content_type="application/json", headers=_HEADERS)

    def saw(self, request: web.Request, offer: str) -> None:
        """A reader who sent this offer was given a bridge."""
        address = self._address_of(request)
        if address is not None:
            self._census.saw(address, self._country(address, offer), self._clock())
            self._forget_later()

    def _address_of(self, request: web.Request) -> Address | None:
        """Who asks: the last address in the header, which is the one that the nearest web server has seen itself."""
        text = request.remote or ""
        if self._proxy_header:
            text = ",".join(request.headers.getall(self._proxy_header, [])).rpartition(",")[2].strip()
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return None
        return getattr(address, "ipv4_mapped", None) or address

    def _country(self, address: Address, offer: str) -> str | None:
        if self._database is None or not is_public(address):
            return None
        country = self._database.country(address)
        offered = {self._database.country(other) for other in public_addresses(offer)} if country else set()
        return country if country in offered else None

    def _forget_later(self) -> None:
        """What is remembered is thrown away in its time also where nobody comes or asks any more."""
        if self._forgetting is None:
            loop = asyncio.get_running_loop()
            self._forgetting = loop.call_later(CENSUS_SECONDS + CENSUS_STEP_SECONDS, self._forget)

    def _forget(self) -> None:
        self._forgetting = None
        self._census.forget(self._clock())
        if not self._census.is_empty:
            self._forget_later()
