"""WebSocket `/v1/bridge`: who is welcome, who is disconnected, and that nobody else notices."""

from __future__ import annotations

import asyncio
import secrets

import aiohttp
import pytest

from freespan.broker.settings import BrokerSettings
from freespan.sources.requests import SourceReader
from freespan.sources.source import KEY_SECONDS, SourceHasher
from tests.broker.conftest import BAD_MESSAGES, ICE, SECONDS, Lab, running_lab
from tests.support.sdp import ANSWER, OFFER

POLICY, TRY_AGAIN_LATER, TOO_BIG = 1008, 1013, 1009


async def test_welcome_names_egress_and_ice_servers(lab: Lab) -> None:
    bridge = await lab.connect()
    await bridge.send("hello", version=1, capacity=4)
    welcome = await bridge.next()
    egress, _, token = welcome.pop("egress").partition("?bridge=")
    assert egress == "ws://egress.example/v1/egress"
    assert len(token) >= 20
    assert welcome == {"type": "welcome", "ice_servers": [{"urls": list(ICE.urls)}]}


@pytest.mark.parametrize("bad_message", BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
@pytest.mark.parametrize("greeted", [True, False], ids=["later", "at first"])
async def test_bad_messages_end_the_bridge(lab: Lab, bad_message: str | bytes, greeted: bool) -> None:
    bridge = await lab.join() if greeted else await lab.connect()
    try:
        await (
            bridge.socket.send_bytes(bad_message)
            if isinstance(bad_message, bytes)
            else bridge.socket.send_str(bad_message)
        )
    except ConnectionError:
        pass  # it was cut off in the middle of too long a message
    code, reason = await bridge.closed()
    if len(bad_message) < 32_768:
        assert code == POLICY
        assert 0 < len(reason) <= 120
        assert "\n" not in reason
    else:
        assert code in (TOO_BIG, 1006)
    await lab.still_serves()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "hello", "version": 2, "capacity": 1}, "update"),
        ({"type": "hello", "version": 1, "capacity": -1}, "capacity"),
        ({"type": "hello", "version": 1, "capacity": 65}, "capacity"),
        ({"type": "hello", "version": 1}, "capacity"),
        ({"type": "load", "sessions": 0}, "hello"),
    ],
    ids=["later version", "less than none", "too much capacity", "capacity missing", "no hello"],
)
async def test_bad_hellos(lab: Lab, message: dict[str, object], expected: str) -> None:
    bridge = await lab.connect()
    await bridge.socket.send_json(message)
    code, reason = await bridge.closed()
    assert code == POLICY
    assert expected in reason
    assert lab.counters.figures().bridges == 0


async def test_hello_twice(lab: Lab) -> None:
    bridge = await lab.join()
    await bridge.send("hello", version=1, capacity=4)
    assert (await bridge.closed())[0] == POLICY


async def test_a_bridge_without_a_hello_is_disconnected() -> None:
    async with running_lab(BrokerSettings(hello_seconds=0.1)) as lab:
        bridge = await lab.connect()
        await bridge.closed()
        await lab.still_serves()


async def test_a_full_broker_says_try_again_later() -> None:
    async with running_lab(BrokerSettings(bridges_max=1)) as lab:
        first = await lab.join()
        second = await lab.connect()
        await second.send("hello", version=1, capacity=1)
        assert await second.closed() == (TRY_AGAIN_LATER, "the broker is full")
        client = lab.ask()
        await first.answer(await first.offer())
        assert (await client)[0] == 200


@pytest.mark.parametrize("bad", ["v=0 hello", ANSWER + "c=\n" * 3_000, ANSWER.replace("s=-", "s=" + '"' * 9_000)])
async def test_a_bad_answer_ends_the_bridge_and_another_one_is_asked(lab: Lab, bad: str) -> None:
    rogue = await lab.join()
    client = lab.ask()
    offer = await rogue.offer()
    honest = await lab.join()
    await rogue.send("answer", id=offer, sdp=bad)
    code, reason = await rogue.closed()
    assert code == POLICY
    assert reason.startswith("answer: ")
    await honest.answer(await honest.offer())
    assert (await client)[0] == 200


@pytest.mark.parametrize("is_proved", [True, False])
async def test_a_bridge_that_refuses_what_proved_bridges_take_is_sent_away(is_proved: bool) -> None:
    """What others take may be an offer that only an accomplice can use."""
    async with running_lab(sources=SourceReader("X-Sender")) as lab:
        other = await lab.join()
        client = lab.asking(OFFER, {"X-Sender": "11.0.9.1"})
        await other.answer(await other.offer())
        assert (await client)[0] == 200
        if is_proved:
            lab.broker.bridges.handshake_completed(other.token)
        bridge = await lab.join(capacity=4)
        for number in range(BrokerSettings().misses_max):
            await other.send("load", sessions=1)
            await other.report()
            client = lab.asking(OFFER, {"X-Sender": f"11.0.{number}.1"})
            offer = await bridge.offer()
            await other.send("load", sessions=0)
            await other.report()
            await bridge.send("refusal", id=offer, reason="full")
            await other.answer(await other.offer())
            assert (await client)[0] == 200
        if is_proved:
            assert (await bridge.closed())[1] == "offers were refused or left without an answer"
        else:
            await other.send("load", sessions=1)
            await other.report()
            client = lab.ask()
            await bridge.answer(await bridge.offer())
            await client


async def test_misses_are_forgotten_after_a_while() -> None:
    settings = BrokerSettings(answer_seconds=0.02, miss_seconds=0.05)
    async with running_lab(settings, sources=SourceReader("X-Sender")) as lab:
        bridge = await lab.join(capacity=4)
        for number in range(2 * settings.misses_max):
            assert (await lab.post(headers={"X-Sender": f"11.0.{number}.1"}))[0] == 504
            await bridge.offer()
            await asyncio.sleep(0.06)
        client = lab.ask()
        await bridge.answer(await bridge.offer())
        assert (await client)[0] == 200


async def test_a_bridge_that_answers_nobody_is_sent_away() -> None:
    async with running_lab(BrokerSettings(answer_seconds=0.02), sources=SourceReader("X-Sender")) as lab:
        bridge = await lab.join(capacity=4)
        for number in range(BrokerSettings().misses_max):
            status, _, _ = await lab.post(headers={"X-Sender": f"11.0.{number}.1"})
            assert status == 504
        assert await bridge.closed() == (POLICY, "offers were refused or left without an answer")


async def test_an_answer_to_an_offer_that_nobody_made_is_not_looked_into(lab: Lab) -> None:
    bridge = await lab.join()
    await bridge.send("answer", id="nothing", sdp="v=0 hello")
    client = lab.ask()
    await bridge.answer(await bridge.offer())
    assert (await client)[0] == 200


async def test_no_more_than_four_offers_wait_for_one_bridge(lab: Lab) -> None:
    bridge = await lab.join(capacity=64)
    clients = [lab.ask() for _ in range(4)]
    offers = [await bridge.offer() for _ in clients]
    assert (await lab.post())[0] == 503
    for offer in offers:
        await bridge.answer(offer)
    assert [(await client)[0] for client in clients] == [200] * 4
    another = lab.ask()
    await bridge.answer(await bridge.offer())
    assert (await another)[0] == 200


async def test_pings_come() -> None:
    async with running_lab(BrokerSettings(ping_seconds=0.05)) as lab:
        bridge = await lab.join()
        for _ in range(3):
            assert await bridge.next_or_ping() == {"type": "ping"}


async def test_a_bridge_that_does_not_answer_the_heartbeat_is_gone() -> None:
    async with running_lab(BrokerSettings(ping_seconds=0.05)) as lab:
        socket = await lab.http.ws_connect("/v1/bridge", autoping=False)
        await socket.send_json({"type": "hello", "version": 1, "capacity": 1})
        async with asyncio.timeout(SECONDS):
            while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                pass
        async with asyncio.timeout(SECONDS):
            while lab.counters.figures().bridges:
                await asyncio.sleep(0.01)
        assert (await lab.post())[0] == 503


async def test_bridges_are_counted(lab: Lab) -> None:
    bridges = [await lab.join() for _ in range(3)]
    assert lab.counters.figures().bridges == 3
    await bridges[0].socket.close()
    async with asyncio.timeout(SECONDS):
        while lab.counters.figures().bridges != 2:
            await asyncio.sleep(0.01)


async def test_not_a_websocket(lab: Lab) -> None:
    async with lab.http.get("/v1/bridge") as response:
        assert response.status in (400, 426)
    await lab.still_serves()


async def test_bridges_at_one_address_are_of_one_region_on_whatever_days_they_came() -> None:
    days = [0.0]
    hasher = SourceHasher(lambda: days[0] * KEY_SECONDS, secrets.token_bytes)
    async with running_lab(sources=SourceReader(hasher=hasher)) as lab:
        regions = []
        for days[0] in (0.0, 1.5):
            bridge = await lab.join()
            client = lab.ask()
            await bridge.answer(await bridge.offer())
            regions.append((await client)[1]["source"])
            await bridge.send("load", sessions=1)
            await bridge.report()
        assert regions[0] == regions[1]
