"""Lanes of a session: opened as the judge wants, without the broker, and gone with their bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from freespan.client import link_manager
from freespan.client.lanes.controller import LaneController
from freespan.client.lanes.manager import LaneManager
from freespan.client.lanes.queueing import Place
from freespan.client.lanes.signalling import LaneSignalling
from freespan.demo.payload import sha256_of
from freespan.link.bond import LinkReport
from freespan.link.datachannel import DataChannelLink
from freespan.wire.errors import LinkError
from freespan.wire.limits import LANES_MAX
from tests.client.test_survival import begin, bridges, read_rest, read_some
from tests.support.path import SECONDS, Host, Reader, hosting, reading, volunteering
from tests.support.site import Site
from tests.support.virtual_time import run

SIZE = 12_000_000


class Wants:
    """What all judges want, with their minds made up."""

    lanes = LANES_MAX


def no_judging(judge: LaneController, *_: object) -> None:
    judge.wanted = Wants.lanes


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often, and wants all lanes at once."""
    monkeypatch.setattr(LaneController, "carried", no_judging)
    monkeypatch.setattr(Wants, "lanes", LANES_MAX)
    monkeypatch.setattr(link_manager, "_LOOK_SECONDS", 0.02)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with asyncio.timeout(4 * SECONDS), hosting() as host:
        yield host


async def until_links(reader: Reader, count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while (one := reader.client._links) is None or len(joined(one)) != count:
            await asyncio.sleep(0.01)


def joined(one: link_manager.LinkManager) -> list[LinkReport]:
    return [link for link in one.bond.report().links if link.state != "joining"]


async def test_lanes_carry_a_download_and_the_broker_hears_of_none(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with volunteering(host.url) as helper, reading(host.invite) as reader:
        await until_links(reader, LANES_MAX)
        stream, digest = await begin(reader, site, SIZE)
        await read_some(stream, digest, SIZE // 2)
        assert reader.client._links is not None
        links = reader.client._links.bond.report().links
        assert all(link.bytes_received > 16_000 for link in links)
        monkeypatch.setattr(Wants, "lanes", 1)
        assert await read_rest(stream, digest) == sha256_of(SIZE)
        await until_links(reader, 1)
        assert host.counters.registry.get_sample_value("freespan_rendezvous_total", {"outcome": "answered"}) == 1
        assert {(status.now, status.total) for status in helper.statuses.all} <= {(0, 0), (1, 0), (1, 1)}
        assert [status for status in reader.statuses.all if "bridges" in status.detail] == []


async def test_a_bridge_with_lanes_that_leaves_takes_nothing_along(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        helpers = [await stack.enter_async_context(volunteering(host.url)) for _ in range(2)]
        reader = await stack.enter_async_context(reading(host.invite))
        await bridges(reader, 2)
        await until_links(reader, 2 * LANES_MAX)
        stream, digest = await begin(reader, site, SIZE)
        await read_some(stream, digest, SIZE // 3)
        await helpers[0].stop()
        await read_some(stream, digest, SIZE // 3)
        await until_links(reader, LANES_MAX)
        assert await read_rest(stream, digest) == sha256_of(SIZE)


async def test_three_bridges_fill_the_bond_and_no_more(host: Host) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(volunteering(host.url))
        reader = await stack.enter_async_context(reading(host.invite))
        await until_links(reader, 3 * LANES_MAX)
        await asyncio.sleep(0.1)
        await until_links(reader, 3 * LANES_MAX)


# --- the keeper by itself -----------------------------------------------------------------------
class FakeBond:
    def __init__(self) -> None:
        self.removed: list[int] = []
        self.next = 100

    def add(self, _: object) -> int:
        self.next += 1
        return self.next

    def remove(self, number: int) -> None:
        self.removed.append(number)


class FakeDoor:
    """Opens at once, or refuses."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses = False

    async def open(self) -> object:
        self.asked += 1
        await asyncio.sleep(0)
        if self.refuses:
            raise LinkError("full")
        return object()


class Stage:
    def __init__(self) -> None:
        self.bond, self.door = FakeBond(), FakeDoor()
        self.keeper = LaneManager(self.bond)  # type: ignore[arg-type]

    async def look(self, now: float, room: int = 21, links: tuple[LinkReport, ...] = (), packets: float = 0.0) -> int:
        doors: dict[int, LaneSignalling] = {0: self.door}  # type: ignore[dict-item]
        self.keeper.look(links, doors, {0: packets}, room, now)
        for _ in range(3):
            await asyncio.sleep(0)
        return len(self.keeper.lanes_of(0))


def test_no_more_than_there_is_room_for() -> None:
    async def body() -> None:
        stage = Stage()
        assert [await stage.look(now, room=5) for now in range(3)] == [4, 5, 5]
        assert await stage.look(3, room=2) == 2
        assert len(stage.bond.removed) == 3

    run(body())


def test_a_bridge_that_refuses_is_not_pestered() -> None:
    async def body() -> None:
        stage = Stage()
        stage.door.refuses = True
        for now in range(8):
            await stage.look(asyncio.get_running_loop().time() + now)
        assert stage.door.asked == 4
        await stage.look(asyncio.get_running_loop().time() + 11)
        assert stage.door.asked == 8

    run(body())


def test_the_lanes_of_a_bridge_that_has_left_are_forgotten() -> None:
    async def body() -> None:
        stage = Stage()
        await stage.look(0)
        lanes = stage.keeper.lanes_of(0)
        assert stage.keeper.ended(min(lanes))
        assert not stage.keeper.ended(0)
        assert sorted(stage.bond.removed) == sorted(lanes)[1:]
        assert not stage.keeper.lanes_of(0)

    run(body())


def test_the_judge_hears_where_the_messages_of_a_bridge_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        told: list[Place] = []
        monkeypatch.setattr(LaneController, "carried", lambda _, __, ___, waits, ____: told.append(waits))
        stage = Stage()
        for message, packets in ((0.21, 0.2), (1.6, 0.2), (1.6, 1.5), (1.6, 0.0)):
            link = LinkReport(0, "open", 4e4, 0.2, message, 64_000, 0, 0, 0)
            await stage.look(0, links=(link,), packets=packets)
        assert told == [Place.NOWHERE, Place.ABOVE, Place.NETWORK, Place.NOWHERE]

    run(body())


# --- the door -------------------------------------------------------------------------------------
async def test_a_bridge_without_lanes_leaves_the_link_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of an earlier version has no channel for words; what is said there is dropped."""
    monkeypatch.setattr("freespan.client.lanes.signalling.BRIDGE_OPEN_SECONDS", 0.2)
    door = LaneSignalling(lambda **options: DataChannelLink(**options), allow_private=True)
    bridge = DataChannelLink()
    await door.link.accept(await bridge.answer(await door.link.offer()))
    await asyncio.gather(door.link.opened(), bridge.opened())
    with pytest.raises(LinkError, match="did not open"):
        await door.open()
    assert door.link.send_credit
    for link in (door.link, bridge):
        link.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize("text", ["{", '{"type":"lane_answer"}', '{"type":"welcome"}'])
async def test_a_bridge_that_talks_rubbish_loses_the_link(text: str) -> None:
    door = LaneSignalling(lambda **options: DataChannelLink(**options), allow_private=True)
    bridge = DataChannelLink(on_signal=lambda _: None)
    await door.link.accept(await bridge.answer(await door.link.offer()))
    await asyncio.gather(door.link.opened(), bridge.opened())
    bridge.send_signal('{"type":"lane_refusal","id":"of nobody","reason":"late"}')
    bridge.send_signal(text)
    async with asyncio.timeout(SECONDS):
        while door.link.send_credit and not door.link._ended:
            await asyncio.sleep(0.005)
    bridge.close()
    await asyncio.sleep(0)
