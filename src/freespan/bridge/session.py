"""One client of a bridge: its first pipe, and the lanes that it asks for over that one.

A lane is a pipe like the first, with a peer connection and a WebSocket of its own, so no pipe has to look into what it
carries. It is set up without the broker: the client's offer comes over the open link. Lanes end with the first pipe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import aiohttp

from freespan.bridge.pipe import Pipe
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import LANES_MAX, LANES_OPENING_MAX
from freespan.wire.messages import IceServer, LaneAnswer, LaneOffer, LaneRefusal, decode_lane_offer, encode
from freespan.wire.sdp import check_offer, passable


class Session:
    """Made for one offer; `answer`, then `run` until it ends. `stun` are the servers for its lanes."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        egress: str,
        stun: Sequence[IceServer],
        relays: Sequence[IceServer],
        *,
        allow_private: bool,
    ) -> None:
        self._http = http
        self._egress = egress
        self._stun = stun
        self._allow_private = allow_private
        self._first = Pipe(http, egress, [*stun, *relays], self._hear)
        self._lanes: set[Pipe] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passed_before = 0

    @property
    def is_open(self) -> bool:
        """Whether messages can pass."""
        return self._first.is_open

    @property
    def bytes_passed(self) -> int:
        """What all its pipes have passed on, in both directions."""
        return self._first.bytes_passed + self._passed_before + sum(lane.bytes_passed for lane in self._lanes)

    async def answer(self, offer: str) -> str:
        """The answer to a client's offer. Raises `LinkError` when the offer is unusable; the session has ended then."""
        return await self._first.answer(self._passable(offer))

    async def run(self, on_open: Callable[[], None]) -> str:
        """Pass messages until the first pipe ends; returns the reason. All pipes are closed then."""
        try:
            return await self._first.run(on_open)
        finally:
            for lane in self._lanes:
                lane.end("the client's first pipe has ended")
            if self._tasks:
                await asyncio.wait(self._tasks)

    def end(self, reason: str) -> None:
        """Close the first pipe; the lanes follow."""
        self._first.end(reason)

    # --- lanes -------------------------------------------------------------------------------
    def _hear(self, text: str) -> None:
        """A client that talks rubbish loses its session; one that asks for too much is refused that."""
        try:
            wish = decode_lane_offer(text)
        except MessageError:
            self.end("the client said something that is not in the protocol")
            return
        try:
            self._begin(wish)
        except (LinkError, MessageError) as error:
            self._first.say(encode(LaneRefusal(wish.id, str(error))))

    def _begin(self, wish: LaneOffer) -> None:
        """Open a lane in a task of its own. Raises `LinkError` or `MessageError` with why not."""
        opening = sum(not lane.is_open for lane in self._lanes)
        if len(self._lanes) >= LANES_MAX - 1 or opening >= LANES_OPENING_MAX:
            raise LinkError("full")
        offer = self._passable(check_offer(wish.sdp))  # no broker has checked this one
        lane = Pipe(self._http, self._egress, self._stun)
        self._lanes.add(lane)
        task = asyncio.create_task(self._serve(lane, wish.id, offer), name="bridge-lane")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, lane: Pipe, name: str, offer: str) -> None:
        try:
            answer = await lane.answer(offer)
            # a broker would have taken this end's own addresses out
            self._first.say(encode(LaneAnswer(name, self._passable(answer))))
            await lane.run(lambda: None)
        except LinkError as error:
            self._first.say(encode(LaneRefusal(name, str(error))))
        finally:
            self._lanes.discard(lane)
            self._passed_before += lane.bytes_passed

    def _passable(self, sdp: str) -> str:
        return passable(sdp, allow_private=self._allow_private)
