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

from freespan.client.cooldown import Cooldown
from freespan.client.lanes.signalling import LaneSignalling
from freespan.client.rendezvous import Rendezvous
from freespan.client.transports import Transport
from freespan.link.base import Link
from freespan.link.datachannel import DataChannelLink
from freespan.link.no_redirects import refuse_redirects
from freespan.link.websocket import WebSocketLink
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import LinkError, RendezvousError
from freespan.wire.invite import Invite
from freespan.wire.limits import (
    AVOID_MAX,
    BRIDGE_OPEN_SECONDS,
    PROTOCOL_VERSION,
    TURN_CREDENTIAL_SECONDS,
    TURN_OPEN_SECONDS,
)
from freespan.wire.messages import IceServer, RendezvousAnswer, RendezvousRequest
from freespan.wire.network import Network, network_of
from freespan.wire.sdp import filter_sdp

_NO_UDP = "UDP does not come through here"
_OPEN_SECONDS = {"webrtc": BRIDGE_OPEN_SECONDS, "turn": TURN_OPEN_SECONDS}


class TransportError(LinkError):
    """A transport did not lead to the egress; `closed` when another bridge would not change that.

    `after` is the wait in seconds that the broker asks for, if it does.
    """

    def __init__(self, reason: str, *, closed: bool = False, after: float | None = None) -> None:
        super().__init__(reason)
        self.closed = closed
        self.after = after


@dataclass(frozen=True)
class DialedLink:
    """An open link, and what is to be known of it.

    `transport` is `webrtc`, `relay`, `websocket`, or `front` for a WebSocket by way of a front: the transport that it took, which
    may be another one than the one `tried`, since a bridge may have a relay of its own. `bridge` and `endpoint` (of a
    WebSocket) are names for what `Dialer` is to be told, empty where there is none. `door` leads to lanes, where there
    can be any: not by way of a relay.
    """

    link: Link
    transport: str
    tried: Transport
    bridge: str = ""
    endpoint: str = ""
    door: LaneSignalling | None = None


@dataclass(frozen=True)
class _Wish:
    """For a bridge: by which transport, other than which, and whether only if there are many."""

    transport: Transport
    avoid: Sequence[str]
    spare: bool


@dataclass(frozen=True)
class _Offered:
    link: DataChannelLink
    request: RendezvousRequest
    door: LaneSignalling | None


class Dialer:
    """One for each client: it remembers what it has learned of its network, and which bridges could not be reached.

    `lap` is called with the name of each part of the set-up when that is done. Without `relays` no link through a
    bridge takes a relay, not even the bridge's.
    """

    def __init__(
        self, http: aiohttp.ClientSession, invite: Invite, lap: Callable[[str], None], *, relays: bool = True
    ) -> None:
        self._http = http
        self._rendezvous = Rendezvous(http, invite.endpoints)
        self._lap = lap
        self._may_relay = relays
        self._own_base = invite.broker
        self._is_private = is_private_url(invite.broker)
        self._stun = deque(IceServer(list(urls)) for urls in invite.stun)
        self._avoided = {"webrtc": Cooldown(), "turn": Cooldown()}
        self._left = Cooldown()
        self._relays: list[IceServer] = []
        self._relays_until = 0.0
        self._sockets: set[asyncio.Task[None]] = set()

    async def open(
        self, transport: Transport, on_answer: Callable[[], None], avoid: Sequence[str] = (), *, spare: bool = False
    ) -> DialedLink:
        """Open a link by a transport; `on_answer` is called when a bridge has been found, which is none of `avoid`.

        A `spare` one is for a session that has a link, and goes to others when there are not many bridges.

        Raises:
            TransportError: the transport does not lead there, or this machine cannot take it.
            RendezvousError: the broker could not be asked, or said no.
        """
        if transport == "websocket":
            return await self._open_socket()
        return await self._open_channel(_Wish(transport, avoid, spare), on_answer)

    def worked(self, found: DialedLink) -> None:
        """A session came about in this link."""
        if found.endpoint:
            self._rendezvous.prefer(found.endpoint)

    def avoid(self, found: DialedLink) -> None:
        """No session came about in this link: do not ask for its bridge for a while, nor at its address first."""
        if found.endpoint:
            self._rendezvous.put_last(found.endpoint)
        if found.bridge:
            self._avoided[found.tried].add(found.bridge, time.monotonic())

    def pass_over(self, found: DialedLink) -> None:
        """The session in this link did not last: take another bridge or address, if there is one."""
        if found.endpoint:
            self._rendezvous.put_last(found.endpoint)
        self._left.add(found.bridge, time.monotonic())

    async def close(self) -> None:
        """Wait until the sockets of ended links are closed."""
        for task in self._sockets:
            task.cancel()
        await asyncio.gather(*self._sockets, return_exceptions=True)

    # --- through a bridge ----------------------------------------------------------------------
    async def _open_channel(self, wish: _Wish, on_answer: Callable[[], None]) -> DialedLink:
        offering = asyncio.create_task(self._offer(wish), name="client-offer")
        try:
            answer = await self._rendezvous.ask_for_bridge(lambda: _request_of(offering))
            self._lap("rendezvous")
            on_answer()
            found = await self._accepted(wish.transport, await offering, answer)
            self._lap("channel")
            return found
        except BaseException as error:
            await _give_up(offering)
            self._raise_reason(wish, offering, error)
            raise

    def _raise_reason(self, wish: _Wish, offering: asyncio.Task[_Offered], error: BaseException) -> None:
        """Without an offer there was nothing to ask with. Where no bridge fits, another transport has to be taken; where
        there is none beside those that could not be reached, too, since to wait for one would help nobody. But one
        that was left alone because its session did not last is better than none."""
        if not isinstance(error, RendezvousError):
            return
        if not offering.cancelled() and (reason := offering.exception()) is not None:
            raise reason from None
        if wish.spare or offering.cancelled() or error.code not in ("no_bridge", "no_reachable_bridge"):
            return
        now = time.monotonic()
        if self._left.names(now):
            self._left = Cooldown()
            return
        if _blocks_udp(offering.result().request.network):
            raise TransportError(_NO_UDP, closed=True) from None
        if error.code == "no_reachable_bridge" or self._avoided[wish.transport].names(now):
            raise TransportError(str(error), closed=error.code == "no_reachable_bridge", after=error.after) from None

    async def _accepted(self, transport: Transport, offered: _Offered, answer: RendezvousAnswer) -> DialedLink:
        """Take the answer and wait for the channel; a bridge with which this fails is not asked again soon.

        A client that hears nothing by UDP tries one bridge, not for long: perhaps it is only the STUN server that is
        blocked.
        """
        link, blocks_udp = offered.link, _blocks_udp(offered.request.network)
        try:
            async with asyncio.timeout(_OPEN_SECONDS[transport] / (2 if blocks_udp else 1)):
                await link.accept(self._public(answer.answer), relays=self._may_relay)
                await link.opened()
                is_relayed = transport == "turn" or await link.is_relayed()
            if is_relayed and not self._may_relay:
                raise LinkError("only the host's relay leads to that bridge")
        except (TimeoutError, LinkError) as error:
            self._avoided[transport].add(answer.bridge, time.monotonic())
            reason = str(error) or "the bridge could not be reached"
            raise TransportError(_NO_UDP if blocks_udp else reason, closed=blocks_udp) from None
        door = None if is_relayed else offered.door
        return DialedLink(link, "turn" if is_relayed else transport, transport, bridge=answer.bridge, door=door)

    async def _offer(self, wish: _Wish) -> _Offered:
        """Gather, and write the request. Raises `TransportError`."""
        try:
            if wish.transport == "turn":
                door = None
                link, sdp = await self._gathered_at_relay()
            else:
                door, sdp = await self._gathered()
                link = door.link
        except TransportError:
            raise
        except LinkError as error:  # this machine's engine cannot do it, or not with these servers
            raise TransportError(str(error), closed=True) from None
        self._lap("offer")
        # with a relay of its own this end can be reached by all
        network = network_of(sdp) if self._stun and wish.transport == "webrtc" else None
        now = time.monotonic()
        avoided = list(dict.fromkeys([*self._left.names(now), *self._avoided[wish.transport].names(now), *wish.avoid]))
        request = RendezvousRequest(
            PROTOCOL_VERSION, self._public(sdp), network, avoided[-AVOID_MAX:], extra=wish.spare
        )
        return _Offered(link, request, door)

    async def _gathered_at_relay(self) -> tuple[DataChannelLink, str]:
        """A link by the host's relays alone. Raises `LinkError`; a `TransportError` when the host has none that answers."""
        while True:
            is_fresh = time.monotonic() >= self._relays_until
            relays = await self._usable_relays()
            if not relays:
                raise TransportError("the host has no relay", closed=True)
            # a relay is for when checks went through and the session did not, too: then no other pair may be chosen
            link = DataChannelLink(relays, relayed=True)
            sdp = await _offer_of(link)
            if " typ relay" in sdp:
                return link, sdp
            link.close("given up")
            if is_fresh:
                raise TransportError("the host's relay could not be reached", closed=True)
            self._relays_until = 0.0  # this machine may have slept, and its clock with it: they may be out of date

    async def _gathered(self) -> tuple[LaneSignalling, str]:
        """A link and its description; a STUN server that does not answer makes place for the next one."""
        tries = max(1, len(self._stun))
        while True:
            door = self._door()
            sdp = await _offer_of(door.link)
            tries -= 1
            if not tries or not network_of(sdp).blocks_udp:
                return door, sdp
            self._stun.rotate(-1)
            door.link.close("given up")

    def _door(self) -> LaneSignalling:
        stun = list(self._stun)[:1]
        return LaneSignalling(lambda **options: DataChannelLink(stun, **options), allow_private=self._is_private)

    async def _usable_relays(self) -> list[IceServer]:
        """The host's relays, none if it cannot be asked; kept until half of their time is over."""
        if time.monotonic() >= self._relays_until:
            try:
                self._relays = await self._rendezvous.fetch_turn_servers()
            except RendezvousError:
                return []  # there are other transports
            self._relays_until = time.monotonic() + TURN_CREDENTIAL_SECONDS / 2
        return self._relays

    def _public(self, sdp: str) -> str:
        """A description as it may cross the open internet, either way: nobody learns of the other's own network."""
        return filter_sdp(sdp, allow_private=self._is_private)

    # --- without a bridge ----------------------------------------------------------------------
    async def _open_socket(self) -> DialedLink:
        try:
            endpoint, socket = await self._rendezvous.open_egress()
        except RendezvousError as error:
            raise TransportError(str(error)) from None
        self._lap("channel")
        link = WebSocketLink(socket)
        task = asyncio.create_task(link.run(), name="client-egress-socket")
        self._sockets.add(task)
        task.add_done_callback(self._sockets.discard)
        return DialedLink(link, "websocket" if endpoint == self._own_base else "front", "websocket", endpoint=endpoint)


def http_session() -> aiohttp.ClientSession:
    """As all requests of a client are sent: nothing that a broker could know a reader by, nothing that leads away."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        middlewares=(refuse_redirects,),
        headers={"Accept-Encoding": "identity"},  # a front may compress, and nothing is decompressed here
        skip_auto_headers=("User-Agent",),
    )


async def _request_of(offering: asyncio.Task[_Offered]) -> RendezvousRequest:
    return (await asyncio.shield(offering)).request


async def _offer_of(link: DataChannelLink) -> str:
    try:
        return await link.offer()
    except BaseException:
        link.close("given up")
        raise


async def _give_up(offering: asyncio.Task[_Offered]) -> None:
    offering.cancel()
    outcome = (await asyncio.gather(offering, return_exceptions=True))[0]
    if isinstance(outcome, _Offered):
        outcome.link.close("given up")


def _blocks_udp(network: Network | None) -> bool:
    return network is not None and network.blocks_udp
