"""Makes links that lead to the egress: through a bridge, straight or by the host's relay; or without one.

through a bridge:  gather candidates ┐
                   connect to broker ┴▶ offer ─▶ answer ─▶ channel open
without:           WebSocket to the host, or to a front
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from freespan.client.avoided import Avoided
from freespan.client.rendezvous import Rendezvous
from freespan.client.roads import Road
from freespan.link.base import Link
from freespan.link.datachannel import DataChannelLink
from freespan.link.no_redirects import refuse_redirects
from freespan.link.websocket import WebSocketLink
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import LinkError, RendezvousError
from freespan.wire.invite import Invite
from freespan.wire.limits import AVOIDED_MAX, PROTOCOL_VERSION, RELAY_OPEN_SECONDS, RELAY_SECONDS, ROAD_OPEN_SECONDS
from freespan.wire.messages import IceServer, RendezvousRequest
from freespan.wire.network import Network, network_of
from freespan.wire.sdp import without_private_addresses

_OPEN_SECONDS = {"webrtc": ROAD_OPEN_SECONDS, "relay": RELAY_OPEN_SECONDS}


class RoadError(LinkError):
    """A road did not lead to the egress; `closed` when another bridge would not change that."""

    def __init__(self, reason: str, *, closed: bool = False) -> None:
        super().__init__(reason)
        self.closed = closed


@dataclass(frozen=True)
class FoundLink:
    """An open link, and what is to be known of it.

    `road` is `webrtc`, `relay`, `websocket`, or `front` for a WebSocket by way of a front; `bridge` is its name for
    `Links.avoid`, empty where there is none.
    """

    link: Link
    road: str
    bridge: str = ""


@dataclass(frozen=True)
class _Offered:
    link: DataChannelLink
    request: RendezvousRequest


class Links:
    """One for each client: it remembers what it has learned of its network, and which bridges could not be reached.

    `lap` is called with the name of each part of the set-up when that is done.
    """

    def __init__(self, http: aiohttp.ClientSession, invite: Invite, lap: Callable[[str], None]) -> None:
        self._http = http
        self._rendezvous = Rendezvous(http, invite.bases)
        self._lap = lap
        self._is_private = is_private_url(invite.broker)
        self._stun = deque(IceServer(list(urls)) for urls in invite.stun)
        self._avoided = {"webrtc": Avoided(), "relay": Avoided()}
        self._relays: list[IceServer] = []
        self._relays_until = 0.0
        self._sockets: set[asyncio.Task[None]] = set()

    async def open(self, road: Road, on_answer: Callable[[], None], besides: Sequence[str] = ()) -> FoundLink:
        """Open a link by a road; `on_answer` is called when a bridge has been found, which is none of `besides`.

        Raises:
            RoadError: the road does not lead there.
            LinkError: this machine or the bridge could not do it.
            RendezvousError: the broker could not be asked, or said no.
        """
        if road == "websocket":
            return await self._open_socket()
        return await self._open_channel(road, on_answer, besides)

    def avoid(self, found: FoundLink) -> None:
        """Do not ask for this link's bridge again for a while."""
        if found.bridge:
            self._avoided[found.road].add(found.bridge, time.monotonic())

    async def close(self) -> None:
        """Wait until the sockets of ended links are closed."""
        for task in self._sockets:
            task.cancel()
        await asyncio.gather(*self._sockets, return_exceptions=True)

    # --- through a bridge ----------------------------------------------------------------------
    async def _open_channel(self, road: Road, on_answer: Callable[[], None], besides: Sequence[str]) -> FoundLink:
        offering = asyncio.create_task(self._offer(road, besides), name="client-offer")
        try:
            answer = await self._rendezvous.ask_for_bridge(lambda: _request_of(offering))
            self._lap("rendezvous")
            on_answer()
            offered = await offering
            found = FoundLink(offered.link, road, answer.bridge)
            await self._accepted(offered.link, found, answer.answer)
            self._lap("channel")
            return found
        except BaseException as error:
            await _give_up(offering)
            self._raise_reason(offering, error)
            raise

    def _raise_reason(self, offering: asyncio.Task[_Offered], error: BaseException) -> None:
        """Without an offer there was nothing to ask with; who has no UDP needs no bridge; who avoids all has failed."""
        if not isinstance(error, RendezvousError):
            return
        if not offering.cancelled() and (reason := offering.exception()) is not None:
            raise reason from None
        if offering.cancelled() or error.code != "no_bridge":
            return
        request = offering.result().request
        if _is_mute(request.network):
            raise RoadError("UDP does not come through here", closed=True) from None
        if request.avoid:
            raise RoadError(str(error)) from None

    async def _accepted(self, link: DataChannelLink, found: FoundLink, answer: str) -> None:
        """Take the answer and wait for the channel; a bridge with which this fails is not asked again soon."""
        try:
            await link.accept(self._public(answer))
            async with asyncio.timeout(_OPEN_SECONDS[found.road]):
                await link.opened()
        except (TimeoutError, LinkError) as error:
            self.avoid(found)
            raise RoadError(str(error) or "the bridge could not be reached") from None

    async def _offer(self, road: Road, besides: Sequence[str]) -> _Offered:
        """Gather, and write the request. Raises `LinkError`."""
        relays = await self._usable_relays() if road == "relay" else []
        if road == "relay" and not relays:
            raise RoadError("the host has no relay", closed=True)
        link, sdp = await self._gathered(relays)
        self._lap("offer")
        network = network_of(sdp) if self._stun else None
        if road == "webrtc" and _is_mute(network) and await self._usable_relays():
            link.close("given up")
            raise RoadError("UDP does not come through here", closed=True)
        if relays and " typ relay" not in sdp:
            link.close("given up")
            raise RoadError("the host's relay could not be reached", closed=True)
        avoided = [*besides, *self._avoided[road].names(time.monotonic())][:AVOIDED_MAX]
        # with a relay of its own this end can be reached by all
        told = None if relays else network
        return _Offered(link, RendezvousRequest(PROTOCOL_VERSION, self._public(sdp), told, avoided))

    async def _gathered(self, relays: list[IceServer]) -> tuple[DataChannelLink, str]:
        """A link and its description; a STUN server that does not answer makes place for the next one."""
        tries = 1 if relays else max(1, len(self._stun))
        while True:
            # a relay is for when checks went through and the session did not, too: then no other pair may be chosen
            link = DataChannelLink(relays or list(self._stun)[:1], relayed=bool(relays))
            try:
                sdp = await link.offer()
            except BaseException:
                link.close("given up")
                raise
            tries -= 1
            if not tries or not self._stun or not network_of(sdp).is_mute:
                return link, sdp
            self._stun.rotate(-1)
            link.close("given up")

    async def _usable_relays(self) -> list[IceServer]:
        """The host's relays, none if it cannot be asked; kept until half of their time is over."""
        if time.monotonic() >= self._relays_until:
            try:
                self._relays = await self._rendezvous.ask_for_relays()
            except RendezvousError:
                return []  # there are other roads
            self._relays_until = time.monotonic() + RELAY_SECONDS / 2
        return self._relays

    def _public(self, sdp: str) -> str:
        """A description as it may cross the open internet: neither end learns of the other's own network."""
        return sdp if self._is_private else without_private_addresses(sdp)

    # --- without a bridge ----------------------------------------------------------------------
    async def _open_socket(self) -> FoundLink:
        try:
            socket, is_front = await self._rendezvous.open_egress()
        except RendezvousError as error:
            raise RoadError(str(error)) from None
        self._lap("channel")
        link = WebSocketLink(socket)
        task = asyncio.create_task(link.run(), name="client-egress-socket")
        self._sockets.add(task)
        task.add_done_callback(self._sockets.discard)
        return FoundLink(link, "front" if is_front else "websocket")


def http_session() -> aiohttp.ClientSession:
    """As all requests of a client are sent: nothing that a broker could know a reader by, nothing that leads away."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        middlewares=(refuse_redirects,),
        skip_auto_headers=("User-Agent",),
    )


async def _request_of(offering: asyncio.Task[_Offered]) -> RendezvousRequest:
    return (await asyncio.shield(offering)).request


async def _give_up(offering: asyncio.Task[_Offered]) -> None:
    offering.cancel()
    outcome = (await asyncio.gather(offering, return_exceptions=True))[0]
    if isinstance(outcome, _Offered):
        outcome.link.close("given up")


def _is_mute(network: Network | None) -> bool:
    return network is not None and network.is_mute
