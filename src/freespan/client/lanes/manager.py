"""Opens and closes the lanes of a session: as many to each bridge as its judge wants, and a bond has room for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from freespan.client.lanes.controller import LaneController
from freespan.client.lanes.queueing import Waiting
from freespan.client.lanes.signalling import LaneSignalling
from freespan.link.bond import Bond, LinkReport
from freespan.wire.errors import LinkError
from freespan.wire.limits import LANES_OPENING_MAX

_AGAIN_SECONDS = 10.0
"""After a lane that did not open, or ended, the next one of that bridge waits so long."""
_log = logging.getLogger(__name__)


@dataclass
class _Bridge:
    """A bridge that this session has a link to."""

    judge: LaneController = field(default_factory=LaneController)
    waiting: Waiting = field(default_factory=Waiting)
    lanes: set[int] = field(default_factory=set)
    opening: set[asyncio.Task[None]] = field(default_factory=set)
    not_before: float = 0.0


class LaneManager:
    """The lanes of one session; a bridge is named by the number of its first link."""

    def __init__(self, bond: Bond) -> None:
        self._bond = bond
        self._bridges: dict[int, _Bridge] = {}
        self._seen: dict[int, tuple[int, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def lanes_of(self, first: int) -> frozenset[int]:
        """The links that are lanes of a bridge, beside its first one."""
        bridge = self._bridges.get(first)
        return frozenset(bridge.lanes) if bridge is not None else frozenset()

    def look(
        self,
        links: Sequence[LinkReport],
        doors: Mapping[int, LaneSignalling],
        packets: Mapping[int, float],
        room: int,
        now: float,
    ) -> None:
        """To be called every second. `room` is for lanes of all.

        `doors` are those of all bridges, by first links, and `packets` the round trips of packets to them.
        """
        news = self._news(links)
        messages = {link.number: link.latest_rtt for link in links}
        for first, door in doors.items():
            bridge = self._bridges.setdefault(first, _Bridge())
            rate, loss_signals = (sum(news.get(link, (0, 0))[i] for link in (first, *bridge.lanes)) for i in (0, 1))
            before = bridge.judge.wanted
            waits = bridge.waiting.place(messages.get(first, 0.0), packets.get(first, 0.0))
            bridge.judge.carried(rate, loss_signals, waits, now)
            if bridge.judge.wanted != before:
                _log.info("%d lanes to a bridge", bridge.judge.wanted)
            rates = {link.number: link.rate for link in links if link.number in bridge.lanes}
            wanted = min(bridge.judge.wanted - 1, room)
            room -= wanted
            self._close(bridge, rates, len(bridge.lanes) - wanted)
            missing = wanted - len(bridge.lanes) - len(bridge.opening)
            if now >= bridge.not_before:
                for _ in range(min(missing, LANES_OPENING_MAX - len(bridge.opening))):
                    self._begin(bridge, door)

    def ended(self, link: int) -> bool:
        """A link has left the bond; true when it was a lane. With a first link, its lanes go."""
        for bridge in self._bridges.values():
            if link in bridge.lanes:
                bridge.lanes.discard(link)
                self._wait(bridge)
                return True
        self.forget(link)
        return False

    def forget(self, first: int) -> None:
        """The first link of a bridge has ended or is given back: so are its lanes."""
        bridge = self._bridges.pop(first, None)
        if bridge is None:
            return
        for task in bridge.opening:
            task.cancel()
        for lane in bridge.lanes:
            self._bond.remove(lane)

    async def stop(self) -> None:
        """Open no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _news(self, links: Sequence[LinkReport]) -> dict[int, tuple[int, int]]:
        """What each link has carried, in bytes, and how it stalled since the last look."""
        seen = {link.number: (link.bytes_sent + link.bytes_received, link.loss_signals) for link in links}
        before, self._seen = self._seen, seen
        nothing = (0, 0)
        return {
            link: (carried - before.get(link, nothing)[0], loss_signals - before.get(link, nothing)[1])
            for link, (carried, loss_signals) in seen.items()
        }

    def _close(self, bridge: _Bridge, rates: Mapping[int, float], count: int) -> None:
        """Give back the slowest."""
        for lane in sorted(bridge.lanes, key=lambda lane: rates.get(lane, 0.0))[: max(0, count)]:
            bridge.lanes.discard(lane)
            self._bond.remove(lane)

    def _begin(self, bridge: _Bridge, door: LaneSignalling) -> None:
        task = asyncio.create_task(self._open(bridge, door), name="client-lane")
        for tasks in (self._tasks, bridge.opening):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _open(self, bridge: _Bridge, door: LaneSignalling) -> None:
        try:
            lane = await door.open()
        except LinkError as error:
            _log.info("no lane: %s", error)
            self._wait(bridge)
            return
        try:
            bridge.lanes.add(self._bond.add(lane))
        except LinkError:
            lane.close("not needed any more")

    def _wait(self, bridge: _Bridge) -> None:
        bridge.not_before = asyncio.get_running_loop().time() + _AGAIN_SECONDS
