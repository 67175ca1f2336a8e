"""Opens and closes the lanes of a session: as many to each bridge as its controller wants and the bond takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from freespan.client.lanes.controller import LaneController, LaneSample
from freespan.client.lanes.queueing import QueueLocator
from freespan.client.lanes.signalling import LaneSignalling
from freespan.client.link_meter import LinkActivity
from freespan.link.base import Link
from freespan.link.bond.stats import LinkStats
from freespan.wire.errors import LinkError
from freespan.wire.limits import LANES_OPENING_MAX

_log = logging.getLogger(__name__)


class LaneOwner(Protocol):
    """The owner of the bond, which adds and removes lanes."""

    def add_lane(self, lane: Link) -> int:
        """Returns the number of the new link. Raises `LinkError` when it cannot join now."""
        ...

    def remove_lane(self, number: int) -> None:
        """Close a link of the bond."""


@dataclass
class _Bridge:
    """A bridge that can have lanes. `lanes` are numbers of links, without the first one."""

    signalling: LaneSignalling
    controller: LaneController
    locator: QueueLocator = field(default_factory=QueueLocator)
    lanes: set[int] = field(default_factory=set)
    opening: set[asyncio.Task[None]] = field(default_factory=set)
    not_before: float = 0.0


class LaneManager:
    """The lanes of one session. A bridge is known by the number of the first link to it.

    `steps` are those of each `LaneController`. After a lane that did not open or has closed, the next one is opened
    after `retry_seconds`.
    """

    def __init__(self, owner: LaneOwner, steps: Sequence[int], retry_seconds: float) -> None:
        self._owner = owner
        self._steps = steps
        self._retry_seconds = retry_seconds
        self._now = asyncio.get_running_loop().time
        self._bridges: dict[int, _Bridge] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add_bridge(self, bridge_number: int, signalling: LaneSignalling) -> None:
        """The session has a link to a bridge that can have lanes."""
        self._bridges[bridge_number] = _Bridge(signalling, LaneController(self._steps))

    def remove_bridge(self, bridge_number: int) -> None:
        """The first link to a bridge has closed, so its lanes go with it."""
        bridge = self._bridges.pop(bridge_number, None)
        if bridge is None:
            return
        for task in bridge.opening:
            task.cancel()
        for number in bridge.lanes:
            self._owner.remove_lane(number)

    def lanes_of(self, bridge_number: int) -> frozenset[int]:
        """The numbers of a bridge's lanes, without the first link to it."""
        bridge = self._bridges.get(bridge_number)
        return frozenset(bridge.lanes) if bridge is not None else frozenset()

    def lane_closed(self, number: int) -> bool:
        """A link has left the bond; returns whether it was a lane."""
        for bridge in self._bridges.values():
            if number in bridge.lanes:
                bridge.lanes.discard(number)
                self._delay_next(bridge)
                return True
        return False

    async def ice_rtts(self) -> dict[int, float]:
        """The latest round-trip time of an ICE check to each bridge, in seconds; 0 when it is not known."""
        bridges = dict(self._bridges)
        rtts = await asyncio.gather(*(bridge.signalling.ice_rtt() for bridge in bridges.values()))
        return dict(zip(bridges, rtts, strict=True))

    def update(
        self,
        stats: Mapping[int, LinkStats],
        activity: Mapping[int, LinkActivity],
        ice_rtts: Mapping[int, float],
        lanes_max: int,
    ) -> None:
        """Adjust the lanes of every bridge; to be called every second. All lanes together are at most `lanes_max`.

        `stats` and `activity` are by the numbers of links, `ice_rtts` by those of bridges.
        """
        for bridge_number, bridge in self._bridges.items():
            done = [activity.get(number, LinkActivity()) for number in (bridge_number, *bridge.lanes)]
            message_rtt = stats[bridge_number].latest_rtt if bridge_number in stats else 0.0
            sample = LaneSample(
                sum(link.rate for link in done),
                sum(link.loss_signals for link in done),
                bridge.locator.locate(message_rtt, ice_rtts.get(bridge_number, 0.0)),
            )
            wanted = min(self._lanes_wanted(bridge, sample), lanes_max)
            lanes_max -= wanted
            self._close_slowest(bridge, stats, len(bridge.lanes) - wanted)
            self._open_missing(bridge, wanted)

    async def stop(self) -> None:
        """Open no more lanes. The owner of the bond closes those that are open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._bridges.clear()
        self._owner = _Nobody()  # the owner has this manager, and would wait for the collector with it

    def _lanes_wanted(self, bridge: _Bridge, sample: LaneSample) -> int:
        """How many lanes the bridge should have: the links that its controller wants, without the first one."""
        before = bridge.controller.links_wanted
        bridge.controller.on_second(sample, self._now())
        if bridge.controller.links_wanted != before:
            _log.info("%d links to a bridge", bridge.controller.links_wanted)
        return bridge.controller.links_wanted - 1

    def _close_slowest(self, bridge: _Bridge, stats: Mapping[int, LinkStats], count: int) -> None:
        by_rate = sorted(bridge.lanes, key=lambda number: stats[number].rate if number in stats else 0.0)
        for number in by_rate[: max(0, count)]:
            bridge.lanes.discard(number)
            self._owner.remove_lane(number)

    def _open_missing(self, bridge: _Bridge, wanted: int) -> None:
        if self._now() < bridge.not_before:
            return
        missing = wanted - len(bridge.lanes) - len(bridge.opening)
        for _ in range(min(missing, LANES_OPENING_MAX - len(bridge.opening))):
            task = asyncio.create_task(self._open(bridge), name="client-lane")
            for tasks in (self._tasks, bridge.opening):
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def _open(self, bridge: _Bridge) -> None:
        try:
            lane = await bridge.signalling.open()
        except LinkError as error:
            _log.info("a lane did not open: %s", error)
            self._delay_next(bridge)
            return
        try:
            bridge.lanes.add(self._owner.add_lane(lane))
        except LinkError:
            lane.close("not needed any more")

    def _delay_next(self, bridge: _Bridge) -> None:
        bridge.not_before = self._now() + self._retry_seconds


class _Nobody:
    """The owner of the lanes of a session that is over."""

    def add_lane(self, lane: Link) -> int:
        raise LinkError("the session is over")

    def remove_lane(self, number: int) -> None:
        """It was closed with the session."""
