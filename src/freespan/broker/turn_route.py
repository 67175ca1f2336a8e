"""`GET /v1/turn`: the host's TURN servers, with credentials that are good for an hour."""

from __future__ import annotations

import time

from aiohttp import web

from freespan.broker.responses import json_response
from freespan.broker.turn import TurnServers
from freespan.wire.limits import PROTOCOL_VERSION
from freespan.wire.messages import TurnCredentials

_NO_STORE = {"Cache-Control": "no-store"}
"""Cached credentials would be those of somebody else, and might have expired."""


class TurnRoute:
    """Answers with an empty list on a host that has no TURN server (None)."""

    def __init__(self, turn_servers: TurnServers | None) -> None:
        self._turn_servers = turn_servers

    def routes(self) -> list[web.RouteDef]:
        """The route for clients."""
        return [web.get("/v1/turn", self.handle_turn)]

    async def handle_turn(self, request: web.Request) -> web.Response:
        """Answer one request."""
        servers = self._turn_servers.credentials(time.time()) if self._turn_servers else []
        return json_response(TurnCredentials(PROTOCOL_VERSION, servers), _NO_STORE)
