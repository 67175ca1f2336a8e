"""Lanes of the headless bridge."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from freespan.wire import messages
from tests.support import lane_rules
from tests.support.whole_path import QUICK_BRIDGE, RunningBridge, running_bridge
from tests.web.fakes import Bridge, Client, FakeHost, connect, open_lane, reply_to_lane, soon

RULES = [
    lane_rules.lanes_carry_and_end_with_the_first_pipe,
    lane_rules.there_are_so_many_and_no_more,
    lane_rules.an_unusable_offer_is_refused,
    lane_rules.a_lane_cannot_ask_for_lanes,
    lane_rules.a_lane_names_addresses_of_the_first_offer_alone,
    lane_rules.asking_without_end_ends_the_session,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_it_keeps_the_rules(host: FakeHost, bridge: Bridge, rule: lane_rules.Rule) -> None:
    await rule(host, bridge)


@pytest.mark.parametrize("bad_message", lane_rules.BAD_MESSAGES)
async def test_bad_messages_end_the_session(host: FakeHost, bridge: Bridge, bad_message: str | bytes) -> None:
    await lane_rules.bad_messages_end_the_session(host, bridge, bad_message)


async def test_a_session_with_lanes_is_one_and_all_its_bytes_count(
    helper: RunningBridge, host: FakeHost, bridge: Bridge
) -> None:
    session = await connect(host, bridge)
    lanes = [await open_lane(host, session, str(number)) for number in range(2)]
    for lane in lanes:
        for _ in range(40):
            lane.client.channel.send(bytes(16_000))
        for _ in range(40):
            await lane.link.next()
    session.client.close()
    status = await helper.statuses.until("waiting", now=0, megabytes=1)
    assert status.total == 1
    assert {status.now for status in helper.statuses.all} <= {0, 1}


async def test_few_may_be_opening_at_a_time(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=dataclasses.replace(QUICK_BRIDGE, lanes_opening_max=1)):
        session = await connect(host, await host.bridge())
        clients = [Client(), Client()]
        first = await reply_to_lane(session, await clients[0].offer(), "1")
        assert isinstance(first, messages.LaneAnswer)
        second = await reply_to_lane(session, await clients[1].offer(), "2")
        assert second == messages.LaneRefusal("2", "full")
        session.client.close()
        for client in clients:
            client.close()


async def test_lanes_that_never_open_become_rare(host: FakeHost) -> None:
    async with running_bridge(host.url, settings=dataclasses.replace(QUICK_BRIDGE, channel_open_seconds=1.0)):
        await lane_rules.lanes_that_never_open_become_rare(host, await host.bridge())


async def test_a_volunteer_that_stops_ends_lanes_too(helper: RunningBridge, host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    lane = await open_lane(host, session)
    await helper.stop()
    for one in (session, lane):
        await lane_rules.is_over(one)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("bridge-lane")]


async def test_an_egress_that_is_away_ends_the_lane_alone(host: FakeHost, bridge: Bridge) -> None:
    session = await connect(host, bridge)
    lane = await open_lane(host, session)
    await lane.link.socket.close()
    await soon(lane.client.closed.wait())
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    session.client.close()
    lane.client.close()
