"""Asks a bridge for lanes on the signalling channel of the first link to it, without the broker."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection
from typing import Protocol

from freespan.link.datachannel import DataChannelLink
from freespan.wire.errors import LinkError, MessageError
from freespan.wire.messages import LaneAnswer, LaneOffer, decode_lane_reply, encode
from freespan.wire.sdp import check_answer, filter_sdp, named_addresses

_STATS_SECONDS = 0.5
"""Time for this machine's WebRTC engine to report statistics, which takes it a millisecond."""
_UNEXPECTED_MAX = 64
"""Replies in a row that nobody waits for."""


class NewLink(Protocol):
    """Makes a peer connection; with `on_signal`, it has a signalling channel. Raises `LinkError`."""

    def __call__(self, *, on_signal: Callable[[str], None] | None = None) -> DataChannelLink:
        """See the class."""
        ...


class LaneSignalling:
    """One for each bridge. It makes the first link, which is `first_link`, and later the lanes.

    A lane has `open_seconds` to open. Raises `LinkError` when the first link cannot be made.
    """

    def __init__(self, new_link: NewLink, *, allow_private: bool, open_seconds: float) -> None:
        self.first_link = new_link(on_signal=self._on_signal)
        self._new_link = new_link
        self._allow_private = allow_private
        self._open_seconds = open_seconds
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._addresses: set[str] | None = None
        self._addresses_of_bridge: set[str] | None = None
        self._unexpected = 0

    def keep_bridge_to(self, answer: str) -> None:
        """Send nothing in lanes to other addresses than this answer for the first link names.

        Otherwise a bridge could have its readers send connectivity checks to anybody. On a private network names of
        mDNS change with each answer, and nobody else is in danger.
        """
        if not self._allow_private:
            self._addresses_of_bridge = named_addresses(answer, allow_private=False)

    def keep_to(self, offer: str) -> None:
        """Name in lanes no other addresses than this offer for the first link: the bridge refuses those that do.

        Where the path takes another address, the connectivity checks find it, as they did for the first link.
        """
        self._addresses = named_addresses(self._filtered(offer), allow_private=self._allow_private)

    async def open(self) -> DataChannelLink:
        """An open lane. Raises `LinkError` when the bridge refuses, or is too slow."""
        lane = self._new_link()
        try:
            async with asyncio.timeout(self._open_seconds):
                answer = await self._ask(self._filtered(await lane.offer(), only=self._addresses))
                answer = self._filtered(check_answer(answer), only=self._addresses_of_bridge)
                await lane.accept(answer, keep_remote_relays=False)
                await lane.wait_opened()
                if await lane.is_relayed():
                    raise LinkError("the bridge can be reached through a TURN server only")
        except (TimeoutError, MessageError):
            lane.close("given up")
            raise LinkError("the lane did not open") from None
        except BaseException:
            lane.close("given up")
            raise
        return lane

    async def ice_rtt(self) -> float:
        """The latest round-trip time of an ICE check to the bridge, in seconds; 0 when it is not known."""
        try:
            async with asyncio.timeout(_STATS_SECONDS):
                return await self.first_link.ice_rtt()
        except TimeoutError:
            return 0.0

    def _on_signal(self, text: str) -> None:
        """A reply has come. One that nobody waits for is late; many of them, and anything else, end the link."""
        try:
            reply = decode_lane_reply(text)
        except MessageError:
            self.first_link.close("the bridge sent a message that is not in the protocol")
            return
        waiter = self._answers.get(reply.id)
        if waiter is None or waiter.done():
            self._unexpected += 1
            if self._unexpected > _UNEXPECTED_MAX:
                self.first_link.close("the bridge sent many replies to nothing")
            return
        self._unexpected = 0
        if isinstance(reply, LaneAnswer):
            waiter.set_result(reply.sdp)
        else:
            waiter.set_exception(LinkError("the bridge refused a lane"))

    async def _ask(self, offer: str) -> str:
        """The bridge's answer to an offer. Raises `LinkError` when it refuses."""
        lane_id = str(next(self._ids))
        waiter = self._answers[lane_id] = asyncio.get_running_loop().create_future()
        try:
            self.first_link.send_signal(encode(LaneOffer(lane_id, offer)))
            answer: str = await waiter
            return answer
        finally:
            del self._answers[lane_id]

    def _filtered(self, sdp: str, only: Collection[str] | None = None) -> str:
        return filter_sdp(sdp, allow_private=self._allow_private, only=only)
