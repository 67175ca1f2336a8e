"""WebSocket `/v1/bridge` for those who only look: told what bridges are told, and never taken for one."""

from __future__ import annotations

import asyncio

import pytest

from freespan.broker import server
from tests.broker.conftest import ICE, SECONDS, FakeBridge, Lab

NORMAL, TRY_AGAIN_LATER = 1000, 1013
UPGRADE = (
    b"GET /v1/bridge HTTP/1.1\r\nHost: host.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def masked(text: bytes) -> bytes:
    """A short text as a client's frame (RFC 6455 section 5.2); the mask is zero."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


async def look(lab: Lab) -> FakeBridge:
    looker = await lab.knock()
    await looker.say("hello", version=1, capacity=0)
    return looker


async def look_and_stay(lab: Lab) -> FakeBridge:
    """One that has its welcome and does not close when it is told to."""
    looker = FakeBridge(await lab.http.ws_connect("/v1/bridge", autoping=False, autoclose=False))
    await looker.say("hello", version=1, capacity=0)
    assert (await looker.hear())["type"] == "welcome"
    return looker


async def test_a_looker_is_told_what_a_bridge_is_told_and_that_is_all(lab: Lab) -> None:
    looker = await look(lab)
    assert await looker.hear() == {
        "type": "welcome",
        "egress": "ws://egress.example/v1/egress",
        "ice_servers": [{"urls": list(ICE.urls)}],
    }
    assert await looker.closed() == (NORMAL, "")
    await lab.still_serves()


async def test_a_looker_is_no_bridge(lab: Lab) -> None:
    looker = await look_and_stay(lab)
    assert lab.counters.figures().bridges == 0
    status, problem, _ = await lab.post()
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")
    await looker.socket.close()


async def test_lookers_take_no_place_that_spare_bridges_are_given_by(lab: Lab) -> None:
    bridge = await lab.join()
    lookers = [await look_and_stay(lab) for _ in range(3)]
    client = lab.ask(extra=True)
    await bridge.answer(await bridge.offer())
    assert (await client)[0] == 200
    for looker in lookers:
        await looker.socket.close()


async def test_who_stays_is_cut_off(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
    writer.write(UPGRADE + masked(b'{"type":"hello","version":1,"capacity":0}'))
    said = await asyncio.wait_for(reader.read(), SECONDS)  # until the connection is cut
    assert b'{"type":"welcome"' in said
    writer.close()
    await lab.still_serves()


async def test_no_more_than_so_many_at_a_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LOOKERS_MAX", 1)
    first = await look_and_stay(lab)
    assert await (await look(lab)).closed() == (TRY_AGAIN_LATER, "too many are looking")
    await lab.still_serves()
    await first.socket.close()
    async with asyncio.timeout(SECONDS):
        while (await (await look(lab)).closed())[0] != NORMAL:
            pass
