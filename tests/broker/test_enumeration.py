"""What a reader is shown: an hour shows a network so many new bridges, and no name helps to get others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from freespan.broker.settings import BrokerSettings, ShownSettings
from freespan.wire.limits import AVOID_MAX
from tests.broker.conftest import FakeBridge, Lab, request, running_lab

FEW = BrokerSettings(shown=ShownSettings(of_network=4))


async def answering(bridge: FakeBridge) -> None:
    while True:
        await bridge.answer(await bridge.offer())


@asynccontextmanager
async def bridges(lab: Lab, count: int) -> AsyncIterator[list[FakeBridge]]:
    """Bridges that answer every offer, and have always room."""
    async with AsyncExitStack() as stack:
        joined = [await lab.join(64) for _ in range(count)]
        for bridge in joined:
            task = asyncio.create_task(answering(bridge), name="bridge")
            stack.push_async_callback(asyncio.wait, {task})
            stack.callback(task.cancel)
        yield joined


async def enumerate_bridges(lab: Lab, times: int = 40) -> set[str]:
    """What somebody learns who asks again and again, each time for none of those that they know."""
    known: list[str] = []
    for _ in range(times):
        status, answer, _ = await lab.post(request(avoid=known[-AVOID_MAX:]))
        if status == 200 and answer["bridge"] not in known:
            known.append(answer["bridge"])
    return set(known)


async def test_an_enumerator_learns_sixteen_bridges_an_hour() -> None:
    async with running_lab() as lab, lab.elsewhere("127.9.9.9") as enumerator, bridges(lab, 60):
        assert len(await enumerate_bridges(enumerator, 60)) == 16
        status, problem, headers = await enumerator.post(request(avoid=list(await enumerate_bridges(enumerator, 60))))
        assert (status, problem["type"]) == (503, "urn:freespan:problem:no_new_bridge")
        assert 1 <= int(headers["Retry-After"]) <= 60
        assert lab.outcome("no_new_bridge") > 0
        async with lab.elsewhere("127.9.9.8") as neighbour, lab.elsewhere("127.8.9.9") as other:
            assert (await neighbour.post(request(avoid=[])))[0] == 200, "those that were shown serve everybody there"
            assert len(await enumerate_bridges(neighbour, 5)) <= 16
            assert len(await enumerate_bridges(other, 20)) == 16


async def test_avoid_takes_names_that_were_shown_to_that_network_alone() -> None:
    async with running_lab() as lab, lab.elsewhere("127.9.9.9") as other, bridges(lab, 1):
        _, answer, _ = await lab.post()
        assert (await lab.post(request(avoid=[answer["bridge"]])))[0] == 503
        assert (await other.post(request(avoid=[answer["bridge"], "nonsense"])))[0] == 200
        assert (await other.post(request(avoid=[answer["bridge"]])))[0] == 503


async def test_a_handshake_allows_for_more_and_the_egress_tells_only_the_bridge() -> None:
    async with running_lab(FEW) as lab, lab.elsewhere("127.9.9.9") as reader, bridges(lab, 20) as here:
        assert len(await enumerate_bridges(reader)) == 4
        for bridge in here:
            lab.broker.bridges.handshake_completed(bridge.token)
        lab.broker.bridges.handshake_completed("nobody")
        learned = len(await enumerate_bridges(reader, 200))
        assert 16 <= learned <= 20, "four for each of the four bridges that had answered"


async def test_a_bridge_that_has_left_makes_room_for_another_one() -> None:
    async with running_lab(FEW) as lab, bridges(lab, 20):
        assert len(await enumerate_bridges(lab, 10)) == 4
    async with running_lab(FEW) as lab, lab.elsewhere("127.9.9.9") as reader:
        for _ in range(10):
            async with bridges(lab, 1) as (bridge,):
                assert (await reader.post())[0] == 200
                await bridge.socket.close()
            while lab.counters.figures().bridges:
                await asyncio.sleep(0.001)


async def test_each_welcome_has_a_token_of_its_own_that_no_answer_contains(lab: Lab) -> None:
    async with bridges(lab, 3) as here:
        assert len({bridge.token for bridge in here}) == 3
        _, answer, _ = await lab.post()
        assert not any(bridge.token in str(answer) for bridge in here)
        assert lab.broker.bridges.places(answer["bridge"]) is None
        assert lab.broker.bridges.places(here[0].token) is not None
        await here[0].socket.close()
        while lab.broker.bridges.places(here[0].token) is not None:
            await asyncio.sleep(0.001)


async def test_an_answer_names_the_region_that_its_bridge_really_comes_from() -> None:
    """Whatever addresses the bridge writes into its answer: IPv4 /16."""
    async with (
        running_lab() as lab,
        lab.elsewhere("127.9.1.1") as one,
        lab.elsewhere("127.9.200.1") as near,
        lab.elsewhere("127.8.1.1") as far,
    ):
        regions = []
        for place in (one, near, far):
            async with bridges(place, 1) as (bridge,):
                _, answer, _ = await lab.post()
                regions.append(answer["source"])
                await bridge.socket.close()
            while lab.counters.figures().bridges:
                await asyncio.sleep(0.001)
    assert regions[0] == regions[1] != regions[2]
    assert all(region.startswith("4") for region in regions)
