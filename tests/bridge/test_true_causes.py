"""What a headless bridge says of a host that it cannot reach."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from aiohttp import web

from freespan.bridge.bridge import BridgeStatus
from tests.support.serving import serving
from tests.support.tls import DAY, TestAuthority
from tests.support.whole_path import running_bridge


async def offline_at(url: str) -> BridgeStatus:
    async with running_bridge(url) as helper:
        return await helper.statuses.until("offline")


@pytest.mark.parametrize(
    ("status", "headers", "cause"),
    [
        (502, {}, "gateway"),
        (503, {}, "gateway"),
        (504, {}, "gateway"),
        (522, {}, "gateway"),
        (404, {}, "not_found"),
        (410, {}, "not_found"),
        (403, {}, "forbidden"),
        (451, {}, "blocked_by_law"),
        (429, {}, "too_many"),
        (200, {}, "no_upgrade"),
        (426, {}, "no_upgrade"),
        (500, {}, "server_error"),
        (302, {"Location": "http://portal.hotel.example/login"}, "login"),
        (308, {"Location": "https://elsewhere.example/"}, "redirect"),
    ],
)
async def test_what_is_no_broker(status: int, headers: dict[str, str], cause: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    async with serving([web.get("/v1/bridge", answer)]) as url:
        offline = await offline_at(url)
    assert offline.cause == cause
    assert offline.detail
    assert "invite" not in offline.detail
    assert offline.since > 0


async def test_a_closed_port() -> None:
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        offline = await offline_at(f"http://127.0.0.1:{kept.getsockname()[1]}")
    assert offline.cause == "refused"
    assert offline.detail.startswith("the host refuses the connection: ")


async def test_a_certificate_of_nobody(tmp_path: Path) -> None:
    context = TestAuthority(tmp_path).server_context(end=DAY)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        offline = await offline_at(f"https://localhost:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
    assert offline.cause == "certificate_unknown_issuer"


@pytest.mark.parametrize("said", ["", "hello", '{"type": "offer"}'])
async def test_a_websocket_that_leads_to_no_host(said: str) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        await connection.send_str(said)
        await connection.receive()
        return connection

    async with serving([web.get("/v1/bridge", answer)]) as url:
        offline = await offline_at(url)
    assert offline.cause == "bad_message"
    assert "no host speaks through it" in offline.detail


async def test_the_first_word_of_a_wait_is_when_it_began() -> None:
    async with running_bridge("http://127.0.0.1:1") as helper:
        first = await helper.statuses.until("offline")
        assert (await helper.statuses.until("offline")).since == first.since
