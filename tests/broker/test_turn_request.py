"""A sealed request for TURN servers: the host's, with fresh credentials, or an empty list."""

from __future__ import annotations

import time

import msgspec

from freespan.wire.limits import TURN_CREDENTIAL_SECONDS
from freespan.wire.messages import TurnCredentials
from tests.broker.conftest import TURN, TURN_URLS, Lab


async def test_turn_servers_with_credentials(turn_lab: Lab) -> None:
    earliest = int(time.time() + TURN_CREDENTIAL_SECONDS)
    status, answer, _ = await turn_lab.post(TURN)
    assert status == 200
    (server,) = msgspec.convert(answer, TurnCredentials).ice_servers
    assert server.urls == TURN_URLS
    assert server.username is not None
    assert earliest <= int(server.username) <= time.time() + TURN_CREDENTIAL_SECONDS


async def test_a_host_without_turn_servers(lab: Lab) -> None:
    status, answer, _ = await lab.post(TURN)
    assert (status, answer) == (200, {"version": 1, "ice_servers": []})


async def test_a_request_of_another_version(lab: Lab) -> None:
    status, problem, _ = await lab.post(b'{"type": "turn", "version": 2}')
    assert (status, problem["type"]) == (400, "urn:freespan:problem:version")


async def test_nobody_gets_credentials_in_the_open(turn_lab: Lab) -> None:
    async with turn_lab.http.get("/v1/turn") as response:
        assert response.status == 404
