"""Readers who ask for too much: they wait, and others are served."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from freespan.broker.settings import BrokerSettings
from freespan.sources.rate import Rate
from freespan.sources.requests import SourceReader
from freespan.sources.shares import Places
from tests.broker.conftest import SECONDS, TURN, FakeBridge, Lab, running_lab
from tests.support.sdp import ANSWER, OFFER

TOO_MANY = "urn:freespan:problem:too_many_requests"


async def answering(bridge: FakeBridge) -> None:
    """Answer every offer, and report a session more each time, as a bridge does that waits for a connection."""
    sessions = 0
    while True:
        message = await bridge.next()
        sessions += 1
        await bridge.send("load", sessions=sessions)
        await bridge.answer(message["id"])


async def bridges(lab: Lab, stack: AsyncExitStack, count: int, capacity: int) -> None:
    """Bridges that hold a place for everybody who has asked."""
    for _ in range(count):
        task = asyncio.create_task(answering(await lab.join(capacity)), name="bridge")
        stack.push_async_callback(asyncio.wait, {task})
        stack.callback(task.cancel)


async def test_one_address_that_only_asks_does_not_hold_the_places_of_all_volunteers() -> None:
    async with running_lab() as lab, lab.elsewhere("127.9.9.9") as greedy, AsyncExitStack() as stack:
        await bridges(lab, stack, 6, 4)
        statuses = [(await greedy.post())[0] for _ in range(21)]
        assert statuses.count(200) > 10, "most places are given as long as nobody else asks"
        status, problem, headers = await greedy.post()
        assert (status, problem["type"]) == (429, TOO_MANY)
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert (await lab.post())[0] == 200
        assert lab.outcome("too_many_requests") > 0


async def test_two_hundred_readers_behind_one_front_are_served() -> None:
    async with running_lab() as lab, AsyncExitStack() as stack:
        await bridges(lab, stack, 5, 64)
        for _ in range(10):
            outcomes = await asyncio.gather(*(lab.post() for _ in range(20)))
            assert [status for status, _, _ in outcomes] == [200] * 20


async def test_a_source_that_asks_without_end_is_told_when_to_come_back() -> None:
    settings = BrokerSettings(rendezvous_of_host=Rate(per_second=0.1, burst=3))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as greedy:
        assert [(await greedy.post())[0] for _ in range(3)] == [503] * 3
        status, problem, headers = await greedy.post()
        assert (status, problem["type"], problem["status"]) == (429, TOO_MANY, 429)
        assert 5 <= int(headers["Retry-After"]) <= 10
        assert (await lab.post())[0] == 503


async def test_requests_for_turn_servers_count_as_well() -> None:
    async with running_lab(BrokerSettings(rendezvous_of_host=Rate(per_second=0.1, burst=1))) as lab:
        assert (await lab.post(TURN))[0] == 200
        status, problem, headers = await lab.post(TURN)
        assert (status, problem["type"]) == (429, TOO_MANY)
        assert int(headers["Retry-After"]) >= 1


async def test_slow_bodies_of_one_source_lock_nobody_out() -> None:
    settings = BrokerSettings(bodies_max=4, bodies_for_newcomers=1, body_places=Places(2, 8))
    head = b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    async with running_lab(settings) as lab, AsyncExitStack() as stack:
        connections = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", lab.port, local_addr=("127.9.9.9", 0))
            stack.callback(writer.close)
            writer.write(head)
            connections.append(reader)
        refused = 0
        for reader in connections[3:]:
            answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
            refused += answer.startswith(b"HTTP/1.1 503 ")
        assert refused == 17
        reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        stack.callback(writer.close)
        body = b"x"
        writer.write(b"POST /v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        await asyncio.sleep(0.05)  # the body comes in a packet of its own
        writer.write(body)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)).startswith(b"HTTP/1.1 400 ")


async def test_rendezvous_that_wait_are_shared_out_by_source() -> None:
    settings = BrokerSettings(rendezvous_max=4, rendezvous_for_newcomers=1, rendezvous_places=Places(2, 8))
    async with running_lab(settings) as lab, lab.elsewhere("127.9.9.9") as greedy:
        bridge = await lab.join(capacity=64)
        silent = [greedy.ask() for _ in range(3)]
        offers = [(await bridge.next())["id"] for _ in silent]
        client = lab.ask()
        offer = await bridge.offer()
        done, waiting = await asyncio.wait(silent, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result()[0] for task in done] == [503]
        await bridge.answer(offer)
        assert (await client)[0] == 200, "and the two that remain still wait"
        for each in offers:
            await bridge.send("answer", id=each, sdp=ANSWER)
        assert [(await task)[0] for task in waiting] == [200, 200]


async def test_offers_that_no_bridge_can_use_get_none_sent_away() -> None:
    async with running_lab(sources=SourceReader("X-Sender")) as lab:
        bridge = await lab.join(capacity=4)
        for number in range(2 * BrokerSettings().misses_max):
            client = lab.asking(OFFER, {"X-Sender": f"11.0.{number}.1"})
            await bridge.send("refusal", id=await bridge.offer(), reason="this offer cannot be used")
            assert (await client)[0] == 504
        client = lab.ask()
        await bridge.answer(await bridge.offer())
        assert (await client)[0] == 200


async def test_one_source_alone_cannot_get_bridges_sent_away() -> None:
    async with running_lab(BrokerSettings(answer_seconds=0.02)) as lab:
        bridge = await lab.join(capacity=4)
        for _ in range(2 * BrokerSettings().misses_max):
            assert (await lab.post())[0] == 504
            await bridge.offer()
        client = lab.ask()
        await bridge.answer(await bridge.offer())
        assert (await client)[0] == 200
