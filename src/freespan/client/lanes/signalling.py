"""Asks the bridge at the other end of an open link for lanes: further links to the same bridge, without the broker."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from freespan.link.datachannel import DataChannelLink
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.limits import BRIDGE_OPEN_SECONDS
from freespan.wire.messages import LaneAnswer, LaneOffer, decode_lane_reply, encode
from freespan.wire.sdp import check_answer, filter_sdp

_STATS_SECONDS = 0.5
"""Patience with this machine's WebRTC, when asked what it has measured; it takes a millisecond."""


class LaneSignalling:
    """One for each link to a bridge; `make` makes that one and the lanes, and is given `on_signal` for it."""

    def __init__(self, make: Callable[..., DataChannelLink], *, allow_private: bool) -> None:
        self.link = make(on_signal=self._on_signal)
        """The first link to the bridge."""
        self._make = make
        self._allow_private = allow_private
        self._names = itertools.count(1)
        self._answers: dict[str, asyncio.Future[str]] = {}

    async def open(self) -> DataChannelLink:
        """An open lane. Raises `LinkError` when the bridge will not, or not in time."""
        lane = self._make()
        try:
            async with asyncio.timeout(BRIDGE_OPEN_SECONDS):
                answer = await self._ask(self._passable(await lane.offer()))
                await lane.accept(self._passable(check_answer(answer)), relays=False)
                await lane.opened()
                if await lane.is_relayed():
                    raise LinkError("only a relay leads to that bridge")
        except (TimeoutError, MessageError):
            lane.close("given up")
            raise LinkError("the lane did not open") from None
        except BaseException:
            lane.close("given up")
            raise
        return lane

    async def packet_rtt(self) -> float:
        """How long a packet took lately to the bridge and back, in seconds; 0 when that is not known."""
        try:
            async with asyncio.timeout(_STATS_SECONDS):
                return await self.link.packet_rtt()
        except TimeoutError:
            return 0.0

    async def _ask(self, offer: str) -> str:
        """The bridge's answer to an offer. Raises `LinkError` when it refuses."""
        name = str(next(self._names))
        waiter = self._answers[name] = asyncio.get_running_loop().create_future()
        try:
            self.link.send_signal(encode(LaneOffer(name, offer)))
            answer: str = await waiter
            return answer
        finally:
            del self._answers[name]

    def _on_signal(self, text: str) -> None:
        """An answer to what is not asked any more is late, and no harm; rubbish ends the link, and so all lanes."""
        try:
            reply = decode_lane_reply(text)
        except MessageError:
            self.link.close("the bridge said something that is not in the protocol")
            return
        waiter = self._answers.get(reply.id)
        if waiter is None or waiter.done():
            return
        if isinstance(reply, LaneAnswer):
            waiter.set_result(reply.sdp)
        else:
            waiter.set_exception(LinkError("the bridge refused a lane"))

    def _passable(self, sdp: str) -> str:
        return filter_sdp(sdp, allow_private=self._allow_private)
