"""WebSocket `/v1/bridge` for probes: they get the welcome of a bridge, and are never taken for one."""

from __future__ import annotations

import asyncio

from freespan.broker.settings import BrokerSettings
from tests.broker.conftest import ICE, SECONDS, FakeBridge, Lab, running_lab

NORMAL, TRY_AGAIN_LATER = 1000, 1013
UPGRADE = (
    b"GET /v1/bridge HTTP/1.1\r\nHost: host.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def masked(text: bytes) -> bytes:
    """A short text as a client's frame (RFC 6455 section 5.2); the mask is zero."""
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text


async def probe(lab: Lab) -> FakeBridge:
    joined = await lab.connect()
    await joined.send("hello", version=1, capacity=0)
    return joined


async def probe_and_stay(lab: Lab) -> FakeBridge:
    """A probe that has its welcome, and does not close when the broker does."""
    joined = FakeBridge(await lab.http.ws_connect("/v1/bridge", autoping=False, autoclose=False))
    await joined.send("hello", version=1, capacity=0)
    assert (await joined.next())["type"] == "welcome"
    return joined


async def test_a_probe_gets_the_welcome_of_a_bridge_and_is_closed(lab: Lab) -> None:
    joined = await probe(lab)
    assert await joined.next() == {
        "type": "welcome",
        "egress": "ws://egress.example/v1/egress",
        "ice_servers": [{"urls": list(ICE.urls)}],
    }
    assert await joined.closed() == (NORMAL, "")
    await lab.still_serves()


async def test_a_probe_is_not_a_bridge(lab: Lab) -> None:
    joined = await probe_and_stay(lab)
    assert lab.counters.figures().bridges == 0
    status, problem, _ = await lab.post()
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")
    await joined.socket.close()


async def test_probes_do_not_count_as_places(lab: Lab) -> None:
    bridge = await lab.join()
    probes = [await probe_and_stay(lab) for _ in range(3)]
    client = lab.ask(extra=True)
    await bridge.answer(await bridge.offer())
    assert (await client)[0] == 200
    for joined in probes:
        await joined.socket.close()


async def test_a_probe_that_stays_is_cut_off() -> None:
    async with running_lab(BrokerSettings(probe_seconds=0.1)) as lab:
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        writer.write(UPGRADE + masked(b'{"type":"hello","version":1,"capacity":0}'))
        received = await asyncio.wait_for(reader.read(), SECONDS)  # until the connection is cut
        assert b'{"type":"welcome"' in received
        writer.close()
        await lab.still_serves()


async def test_their_number_is_bounded() -> None:
    async with running_lab(BrokerSettings(probes_max=1)) as lab:
        first = await probe_and_stay(lab)
        assert await (await probe(lab)).closed() == (TRY_AGAIN_LATER, "too many probes")
        await lab.still_serves()
        await first.socket.close()
        async with asyncio.timeout(SECONDS):
            while (await (await probe(lab)).closed())[0] != NORMAL:
                pass
