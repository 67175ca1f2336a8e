"""Opens and closes the lanes of a session: as many to each bridge as its controller wants and the bond takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from freespan.client.lanes.controller import LaneController, Second
from freespan.client.lanes.queueing import QueueLocator
from freespan.client.lanes.signalling import LaneSignalling
from freespan.link.base import Link
from freespan.link.bond import LinkStats
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
    controller: LaneController = field(default_factory=LaneController)
    locator: QueueLocator = field(default_factory=QueueLocator)
    lanes: set[int] = field(default_factory=set)
    opening: set[asyncio.Task[None]] = field(default_factory=set)
    not_before: float = 0.0


class _Totals(NamedTuple):
    """What a link has carried since it joined: bytes in both directions, and loss signals."""

    carried: int = 0
    loss_signals: int = 0


class LaneManager:
    """The lanes of one session. A bridge is known by the number of its first link."""

    def __init__(self, owner: LaneOwner, retry_seconds: float) -> None:
        self._owner = owner
        self._retry_seconds = retry_seconds
        self._now = asyncio.get_running_loop().time
        self._bridges: dict[int, _Bridge] = {}
        self._totals: dict[int, _Totals] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add_bridge(self, first: int, signalling: LaneSignalling) -> None:
        """The session has a link to a bridge that can have lanes."""
        self._bridges[first] = _Bridge(signalling)

    def remove_bridge(self, first: int) -> None:
        """The first link of a bridge has closed, so its lanes go with it."""
        bridge = self._bridges.pop(first, None)
        if bridge is None:
            return
        for task in bridge.opening:
            task.cancel()
        for lane in bridge.lanes:
            self._owner.remove_lane(lane)

    def lanes_of(self, first: int) -> frozenset[int]:
        """The numbers of a bridge's lanes, without its first link."""
        bridge = self._bridges.get(first)
        return frozenset(bridge.lanes) if bridge is not None else frozenset()

    def lane_closed(self, link: int) -> bool:
        """A link has left the bond; returns whether it was a lane."""
        for bridge in self._bridges.values():
            if link in bridge.lanes:
                bridge.lanes.discard(link)
                self._delay_next(bridge)
                return True
        return False

    async def packet_rtts(self) -> dict[int, float]:
        """The latest round-trip time of a packet to each bridge, in seconds; 0 when it is not known."""
        return {first: await bridge.signalling.packet_rtt() for first, bridge in list(self._bridges.items())}

    def update(self, links: Sequence[LinkStats], packet_rtts: Mapping[int, float], lanes_max: int) -> None:
        """Adjust the lanes of every bridge; to be called every second. All lanes together are at most `lanes_max`."""
        changes = self._changes(links)
        reports = {link.number: link for link in links}
        for first, bridge in self._bridges.items():
            carried = [changes.get(link, _Totals()) for link in (first, *bridge.lanes)]
            message_rtt = reports[first].latest_rtt if first in reports else 0.0
            second = Second(
                sum(one.carried for one in carried),
                sum(one.loss_signals for one in carried),
                bridge.locator.locate(message_rtt, packet_rtts.get(first, 0.0)),
            )
            wanted = min(self._decide(bridge, second), lanes_max)
            lanes_max -= wanted
            self._close_slowest(bridge, reports, len(bridge.lanes) - wanted)
            self._open_missing(bridge, wanted)

    async def stop(self) -> None:
        """Open no more lanes. The owner of the bond closes those that are open."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _changes(self, links: Sequence[LinkStats]) -> dict[int, _Totals]:
        """What each link has done since the last call."""
        totals = {link.number: _Totals(link.bytes_sent + link.bytes_received, link.loss_signals) for link in links}
        before, self._totals = self._totals, totals
        return {
            link: _Totals(*(now - then for now, then in zip(total, before.get(link, _Totals()), strict=True)))
            for link, total in totals.items()
        }

    def _decide(self, bridge: _Bridge, second: Second) -> int:
        """How many lanes the bridge should have beside its first link."""
        before = bridge.controller.wanted
        bridge.controller.on_second(second, self._now())
        if bridge.controller.wanted != before:
            _log.info("%d lanes to a bridge", bridge.controller.wanted)
        return bridge.controller.wanted - 1

    def _close_slowest(self, bridge: _Bridge, reports: Mapping[int, LinkStats], count: int) -> None:
        by_rate = sorted(bridge.lanes, key=lambda lane: reports[lane].rate if lane in reports else 0.0)
        for lane in by_rate[: max(0, count)]:
            bridge.lanes.discard(lane)
            self._owner.remove_lane(lane)

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
            _log.info("no lane: %s", error)
            self._delay_next(bridge)
            return
        try:
            bridge.lanes.add(self._owner.add_lane(lane))
        except LinkError:
            lane.close("not needed any more")

    def _delay_next(self, bridge: _Bridge) -> None:
        bridge.not_before = self._now() + self._retry_seconds
