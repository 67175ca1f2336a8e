"""One reader's session at a bridge: its first pipe, and the lanes that the client asks for over it.

A lane is a pipe like the first one, with a peer connection and a WebSocket of its own, so that no pipe has to look into
what it carries. It is set up without the broker: the client's offer comes in the signalling channel of the first pipe.

    lane_offer ──┬─ accepted ──▶ opening ── lane_answer, channel open ──▶ open
                 │                  │                                      │
                 │                  ├─ the offer is unusable               ├─ one side closes
                 │                  ├─ not open in time                    ├─ the first pipe ends
                 │                  ▼                                      ▼
                 │               closed                                 closed
                 └─ full, or the offer is malformed or names other addresses than the first one ──▶ lane_refusal
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import aiohttp

from freespan.bridge.lane_budget import LaneBudget
from freespan.bridge.pipe import Pipe
from freespan.bridge.settings import BridgeSettings
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import LANES_MAX
from freespan.wire.messages import IceServer, LaneAnswer, LaneOffer, LaneRefusal, decode_lane_offer, encode
from freespan.wire.sdp import Filtered, check_offer, filtered


class BridgeSession:
    """Made for one offer: call `answer`, then `run`, which returns when the session has ended.

    Args:
        http: makes the WebSockets; it must not follow redirects.
        egress: the WebSocket URL of the egress.
        stun: STUN servers for all pipes.
        turn: TURN servers for the first pipe.
        allow_private: whether descriptions may have private addresses.
        settings: limits and times.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        egress: str,
        stun: Sequence[IceServer],
        turn: Sequence[IceServer],
        *,
        allow_private: bool,
        settings: BridgeSettings,
    ) -> None:
        self._http = http
        self._egress = egress
        self._stun = stun
        self._allow_private = allow_private
        self._settings = settings
        self._first = Pipe(http, egress, [*stun, *turn], self._on_signal, settings.channel_open_seconds)
        self._lanes: set[Pipe] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes_of_ended_lanes = 0
        self._client_addresses: set[str] = set()
        self._lane_budget = LaneBudget(_now())

    @property
    def is_open(self) -> bool:
        """Whether messages can pass."""
        return self._first.is_open

    @property
    def bytes_passed(self) -> int:
        """The bytes that all its pipes have passed on, in both directions."""
        return self._first.bytes_passed + self._bytes_of_ended_lanes + sum(lane.bytes_passed for lane in self._lanes)

    async def answer(self, offer: str) -> str:
        """Return the answer to a client's offer. Raises `LinkError` if it is unusable; the session has ended then."""
        sdp, self._client_addresses = self._filtered(offer)
        return await self._first.answer(sdp)

    async def run(self, on_open: Callable[[], None]) -> str:
        """Pass messages until the first pipe ends, then close all lanes; returns the reason."""
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
    def _on_signal(self, text: str) -> None:
        """Open a lane or refuse it; a client that breaks the protocol loses its session."""
        if not self._lane_budget.may_ask(_now()):
            self.end("the client asked for too many lanes")
            return
        try:
            offer = decode_lane_offer(text)
        except MessageError:
            self.end("the client sent a message that is not in the protocol")
            return
        try:
            self._open_lane(offer)
        except (LinkError, MessageError) as error:
            self._first.send_signal(encode(LaneRefusal(offer.id, str(error))))

    def _open_lane(self, offer: LaneOffer) -> None:
        """Run a lane in a task of its own. Raises `LinkError` or `MessageError` if it is refused."""
        opening = sum(not lane.is_open for lane in self._lanes)
        if len(self._lanes) >= LANES_MAX or opening >= self._settings.lanes_opening_max:
            raise LinkError("full")
        sdp, addresses = self._filtered(check_offer(offer.sdp))  # no broker has checked this one
        if not addresses <= self._client_addresses:
            # Otherwise one offer that the broker has counted would open the way to any number of addresses.
            raise LinkError("it names an address that the session's first offer did not")
        if not self._lane_budget.take(_now()):
            raise LinkError("too many lanes did not open")
        lane = Pipe(self._http, self._egress, self._stun, open_seconds=self._settings.channel_open_seconds)
        self._lanes.add(lane)
        task = asyncio.create_task(self._run_lane(lane, offer.id, sdp), name="bridge-lane")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_lane(self, lane: Pipe, lane_id: str, offer: str) -> None:
        try:
            answer = await lane.answer(offer)
            # A broker would have filtered the answer.
            self._first.send_signal(encode(LaneAnswer(lane_id, self._filtered(answer).sdp)))
            await lane.run(self._lane_budget.give_back)
        except LinkError as error:
            self._first.send_signal(encode(LaneRefusal(lane_id, str(error))))
        finally:
            self._lanes.discard(lane)
            self._bytes_of_ended_lanes += lane.bytes_passed

    def _filtered(self, sdp: str) -> Filtered:
        return filtered(sdp, allow_private=self._allow_private)


def _now() -> float:
    return asyncio.get_running_loop().time()
