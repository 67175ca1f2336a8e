"""`GET /v1/turn`: the host's TURN servers with fresh credentials, or an empty list."""

from __future__ import annotations

import time

from freespan.wire.limits import TURN_CREDENTIAL_SECONDS
from freespan.wire.messages import decode_turn_credentials
from tests.broker.conftest import TURN_URLS, Lab


async def test_turn_servers_with_credentials(turn_lab: Lab) -> None:
    earliest = int(time.time() + TURN_CREDENTIAL_SECONDS)
    async with turn_lab.http.get("/v1/turn") as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cache-Control"] == "no-store"
        (server,) = decode_turn_credentials(await response.read()).ice_servers
    assert server.urls == TURN_URLS
    assert server.username is not None
    assert earliest <= int(server.username) <= time.time() + TURN_CREDENTIAL_SECONDS


async def test_a_host_without_turn_servers(lab: Lab) -> None:
    async with lab.http.get("/v1/turn") as response:
        assert response.status == 200
        assert await response.json() == {"version": 1, "ice_servers": []}
