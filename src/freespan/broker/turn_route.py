"""`GET /v1/turn`: the host's TURN servers, with credentials that are good for an hour."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from freespan.broker.responses import json_response, problem_response, too_many_requests
from freespan.broker.settings import BrokerSettings
from freespan.broker.turn import TurnServers
from freespan.sources.rate import RateBudgets
from freespan.sources.requests import SourceReader
from freespan.wire.limits import PROTOCOL_VERSION
from freespan.wire.messages import TurnCredentials

_NO_STORE = {"Cache-Control": "no-store"}
"""Cached credentials would be those of somebody else, and might have expired."""


class TurnRoute:
    """Answers with an empty list on a host that has no TURN server (None)."""

    def __init__(self, turn_servers: TurnServers | None, settings: BrokerSettings, sources: SourceReader) -> None:
        self._turn_servers = turn_servers
        self._settings = settings
        self._sources = sources
        self._budgets = RateBudgets(settings.turn_of_host, settings.turn_of_network)

    def routes(self) -> list[web.RouteDef]:
        """The route for clients."""
        return [web.get("/v1/turn", self.handle_turn)]

    async def handle_turn(self, request: web.Request) -> web.Response:
        """Answer one request."""
        source, now = self._sources.source_of(request), asyncio.get_running_loop().time()
        if not self._budgets.take(source, now):
            wait = self._budgets.wait(source, now)
            return problem_response(too_many_requests(wait), self._settings.retry_after_seconds)
        servers = self._turn_servers.credentials(time.time()) if self._turn_servers else []
        return json_response(TurnCredentials(PROTOCOL_VERSION, servers), _NO_STORE)
