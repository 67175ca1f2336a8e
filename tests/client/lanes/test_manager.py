"""Lanes of a session: opened as the controller wants, without the broker, and gone with their bridge."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import cast

import pytest

from freespan.client.lanes.controller import LaneController, LaneSample
from freespan.client.lanes.manager import LaneManager
from freespan.client.lanes.queueing import Queue
from freespan.client.lanes.signalling import LaneSignalling
from freespan.client.link_manager import LinkManager
from freespan.client.link_meter import LinkActivity
from freespan.client.settings import ClientSettings
from freespan.demo.payload import sha256_of
from freespan.link.base import Link
from freespan.link.bond.stats import LinkStats
from freespan.wire.errors import LinkError
from freespan.wire.limits import LANES_MAX
from tests.client.test_survival import begin, bridges, read_rest, read_some
from tests.support.site import Site
from tests.support.virtual_time import run
from tests.support.whole_path import SECONDS, Host, RunningClient, running_bridge, running_client, running_host

SIZE = 12_000_000


class Wants:
    """How many links to a bridge all controllers want, whatever they are told."""

    links = 1 + LANES_MAX


def decide_nothing(controller: LaneController, *_: object) -> None:
    controller.links_wanted = Wants.links


EAGER = ClientSettings(report_seconds=0.02)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """All lanes are wanted at once."""
    monkeypatch.setattr(LaneController, "on_second", decide_nothing)
    monkeypatch.setattr(Wants, "links", 1 + LANES_MAX)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with asyncio.timeout(4 * SECONDS), running_host() as host:
        yield host


async def until_links(reader: RunningClient, count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while (one := reader.client._links) is None or len(joined(one)) != count:
            await asyncio.sleep(0.01)


def joined(one: LinkManager) -> list[LinkStats]:
    return [link for link in one.bond.stats().links if link.state != "joining"]


async def test_lanes_carry_a_download_and_the_broker_hears_of_none(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_bridge(host.url) as helper, running_client(host.invite, settings=EAGER) as reader:
        await until_links(reader, 1 + LANES_MAX)
        stream, digest = await begin(reader, site, SIZE)
        await read_some(stream, digest, SIZE // 2)
        assert reader.client._links is not None
        links = reader.client._links.bond.stats().links
        assert all(link.bytes_received > 16_000 for link in links)
        monkeypatch.setattr(Wants, "links", 1)
        assert await read_rest(stream, digest) == sha256_of(SIZE)
        await until_links(reader, 1)
        assert host.counters.rendezvous.labels("answered").exact == 1
        assert {(status.now, status.total) for status in helper.statuses.all} <= {(0, 0), (1, 0), (1, 1)}
        assert [status for status in reader.statuses.all if "bridges" in status.detail] == []


async def test_a_bridge_with_lanes_that_leaves_takes_nothing_along(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        helpers = [await stack.enter_async_context(running_bridge(host.url)) for _ in range(2)]
        reader = await stack.enter_async_context(running_client(host.invite, settings=EAGER))
        await bridges(reader, 2)
        await until_links(reader, 2 * (1 + LANES_MAX))
        stream, digest = await begin(reader, site, SIZE)
        await read_some(stream, digest, SIZE // 3)
        await helpers[0].stop()
        await read_some(stream, digest, SIZE // 3)
        await until_links(reader, 1 + LANES_MAX)
        assert await read_rest(stream, digest) == sha256_of(SIZE)


async def test_three_bridges_fill_the_bond_and_no_more(host: Host) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(running_bridge(host.url))
        reader = await stack.enter_async_context(running_client(host.invite, settings=EAGER))
        await until_links(reader, 3 * (1 + LANES_MAX))
        await asyncio.sleep(0.1)
        await until_links(reader, 3 * (1 + LANES_MAX))


# --- the manager by itself ------------------------------------------------------------------------
class FakeOwner:
    """Stands in for the owner of the bond."""

    def __init__(self) -> None:
        self.removed: list[int] = []
        self._numbers = itertools.count(101)

    def add_lane(self, lane: Link) -> int:
        return next(self._numbers)

    def remove_lane(self, number: int) -> None:
        self.removed.append(number)


class FakeSignalling:
    """Opens lanes at once, or refuses."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses = False
        self.measures_for = 0.0

    async def open(self) -> object:
        self.asked += 1
        await asyncio.sleep(0)
        if self.refuses:
            raise LinkError("full")
        return object()

    async def ice_rtt(self) -> float:
        await asyncio.sleep(self.measures_for)
        return 0.1


class Stage:
    """A manager with one bridge, whose first link is number 0."""

    def __init__(self) -> None:
        self.owner, self.signalling = FakeOwner(), FakeSignalling()
        settings = ClientSettings()
        self.manager = LaneManager(self.owner, settings.lane_steps, settings.lane_retry_seconds)
        self.manager.add_bridge(0, cast(LaneSignalling, self.signalling))

    async def update(self, lanes_max: int = 21, links: tuple[LinkStats, ...] = (), ice_rtt: float = 0.0) -> int:
        self.manager.update({link.number: link for link in links}, {}, {0: ice_rtt}, lanes_max)
        await asyncio.sleep(0.001)
        return len(self.manager.lanes_of(0))


def test_no_more_than_there_is_room_for() -> None:
    async def body() -> None:
        stage = Stage()
        assert [await stage.update(lanes_max=5) for _ in range(3)] == [4, 5, 5]
        assert await stage.update(lanes_max=2) == 2
        assert len(stage.owner.removed) == 3

    run(body())


def test_a_bridge_that_refuses_is_not_pestered() -> None:
    async def body() -> None:
        stage = Stage()
        stage.signalling.refuses = True
        for _ in range(8):
            await stage.update()
            await asyncio.sleep(1)
        assert stage.signalling.asked == 4
        await asyncio.sleep(3)
        await stage.update()
        assert stage.signalling.asked == 8

    run(body())


def test_the_lanes_of_a_bridge_that_has_left_are_forgotten() -> None:
    async def body() -> None:
        stage = Stage()
        await stage.update()
        lanes = stage.manager.lanes_of(0)
        assert stage.manager.lane_closed(min(lanes))
        assert not stage.manager.lane_closed(0)
        stage.manager.remove_bridge(0)
        assert sorted(stage.owner.removed) == sorted(lanes)[1:]
        assert not stage.manager.lanes_of(0)

    run(body())


def test_the_controller_is_told_where_the_messages_of_a_bridge_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        told: list[Queue] = []

        def on_second(_: LaneController, sample: LaneSample, now: float) -> None:
            told.append(sample.queue)

        monkeypatch.setattr(LaneController, "on_second", on_second)
        stage = Stage()
        for message_rtt, ice_rtt in ((0.21, 0.2), (1.6, 0.2), (1.6, 1.5), (1.6, 0.0)):
            link = LinkStats(0, "open", 4e4, 0.2, message_rtt, 64_000, 0, 0, 0)
            await stage.update(links=(link,), ice_rtt=ice_rtt)
        assert told == [Queue.NONE, Queue.SCTP, Queue.NETWORK, Queue.NONE]

    run(body())


def test_the_round_trips_to_all_bridges_are_measured_at_once() -> None:
    async def body() -> None:
        stage = Stage()
        stage.signalling.measures_for = 0.5
        for bridge_number in (1, 2):
            stage.manager.add_bridge(bridge_number, cast(LaneSignalling, stage.signalling))
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await stage.manager.ice_rtts() == {0: 0.1, 1: 0.1, 2: 0.1}
        assert loop.time() - began == pytest.approx(0.5)

    run(body())


def test_the_controller_gets_what_the_links_to_its_bridge_have_done_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        samples: list[LaneSample] = []

        def on_second(controller: LaneController, sample: LaneSample, now: float) -> None:
            controller.links_wanted = 2
            samples.append(sample)

        monkeypatch.setattr(LaneController, "on_second", on_second)
        stage = Stage()
        await stage.update()
        (lane,) = stage.manager.lanes_of(0)
        activity = {0: LinkActivity(1e3, 1), lane: LinkActivity(2e3, 2), 7: LinkActivity(4e3, 4)}
        stage.manager.update({}, activity, {}, 21)
        assert samples[-1] == LaneSample(3e3, 3, Queue.NONE)

    run(body())
