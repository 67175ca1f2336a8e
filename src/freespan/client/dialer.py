"""Makes one link to the egress by one transport.

webrtc, turn    gather candidates ────┐
                connect to the host ──┴─▶ offer ──▶ answer ──▶ data channel to a bridge, which leads to the egress
websocket       WebSocket to the egress, at the host itself or at a front
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from freespan.client.cooldown import Cooldown
from freespan.client.evidence import Evidence, networks_of
from freespan.client.ice_servers import StunServers, TurnServers
from freespan.client.lanes.signalling import LaneSignalling
from freespan.client.rendezvous import Rendezvous
from freespan.client.settings import ClientSettings
from freespan.client.stopwatch import Stopwatch
from freespan.client.transports import Transport, TransportError, TransportInUse
from freespan.link.base import Link
from freespan.link.datachannel import DataChannelLink, DefaultRouteEngine
from freespan.link.websocket import WebSocketLink
from freespan.wire.addresses import is_private_url
from freespan.wire.errors import FreespanError, LinkError, RendezvousError
from freespan.wire.invite import Invite
from freespan.wire.limits import AVOID_MAX, PROTOCOL_VERSION
from freespan.wire.messages import RendezvousAnswer, RendezvousRequest
from freespan.wire.network import Network, network_of
from freespan.wire.sdp import filter_sdp

_UDP_BLOCKED = "UDP does not get through on this network"
_GIVEN_UP = "given up"


@dataclass(frozen=True)
class DialedLink:
    """An open link, and how it came about.

    `transport` is what it took, which may differ from `requested`: a bridge may use a TURN server of the host, and a
    WebSocket may lead through a front. `bridge` names the bridge of a link that has one, and `endpoint` is the base URL
    of a WebSocket's host or front; both are empty otherwise. `lane_signalling` asks the bridge for lanes. It is None
    where there can be none, as through a TURN server. `networks` are those of the bridge (`networks_of`). `seconds` are
    the durations of the parts of the set-up.
    """

    link: Link
    transport: TransportInUse
    requested: Transport
    bridge: str = ""
    endpoint: str = ""
    lane_signalling: LaneSignalling | None = None
    networks: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Offer:
    """A peer connection and its SDP offer, with candidates. `network` is None where nothing was measured."""

    link: DataChannelLink
    sdp: str
    network: Network | None = None
    lane_signalling: LaneSignalling | None = None

    def give_up(self) -> None:
        """Close the peer connection."""
        self.link.close(_GIVEN_UP)

    @property
    def finds_udp_blocked(self) -> bool:
        """Whether no STUN server answered."""
        return self.network is not None and self.network.blocks_udp


class Dialer:
    """One for each client: it remembers which endpoints, STUN servers and bridges have failed.

    With `allow_turn` false, no link through a bridge uses a TURN server, not even one of the bridge's. What speaks for
    bridges being blocked goes to `evidence`; without it, the client is one that never leaves its transport.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        invite: Invite,
        settings: ClientSettings,
        *,
        allow_turn: bool = True,
        evidence: Evidence | None = None,
    ) -> None:
        self._host = invite.broker
        self._is_private = is_private_url(invite.broker)
        self._settings = settings
        self._allow_turn = allow_turn
        self._evidence = evidence
        self._asks_for_any_bridge = False
        self._rendezvous = Rendezvous(http, invite, settings)
        self._stun = StunServers(invite.stun)
        self._turn = TurnServers(self._rendezvous.fetch_turn_servers)
        self._unreachable = {transport: Cooldown(settings.cooldown_seconds) for transport in ("webrtc", "turn")}
        self._short_lived = Cooldown(settings.cooldown_seconds)
        self._websockets: set[asyncio.Task[None]] = set()
        self._engine = DefaultRouteEngine() if keeps_to_default_route(invite, settings) else None

    async def dial(
        self,
        transport: Transport,
        avoid: Sequence[str] = (),
        *,
        extra: bool = False,
        on_answer: Callable[[], None] = lambda: None,
    ) -> DialedLink:
        """Open a link. `on_answer` is called when a bridge, none of `avoid`, has answered.

        An `extra` link is for a session that has one already: the broker gives it only while many bridges are free.

        Raises:
            TransportError: the transport does not lead to the egress, or this machine cannot use it, or no bridge is
                free but those that could not be reached.
            RendezvousError: the broker could not be asked, or refused.
            NotAdmittedError: the host does not admit the invite.
            WrongKeyError: the broker cannot open what is sealed to the invite's key, or somebody says so.
        """
        if transport == "websocket":
            return await self._dial_host()
        return await self._dial_bridge(transport, avoid, extra=extra, on_answer=on_answer)

    # --- what became of a link -----------------------------------------------------------------
    def report_success(self, dialed: DialedLink) -> None:
        """A session was established over this link."""
        if dialed.endpoint:
            self._rendezvous.put_first(dialed.endpoint)
        if dialed.bridge:
            self._asks_for_any_bridge = False
            if self._evidence is not None:
                self._evidence.bridge_worked()

    def report_failure(self, dialed: DialedLink) -> None:
        """No session came about: do not ask for this bridge for a while, nor for this endpoint first."""
        if dialed.endpoint:
            self._rendezvous.put_last(dialed.endpoint)
        if dialed.bridge:
            self._unreachable[dialed.requested].add(dialed.bridge, time.monotonic())

    def report_short_lived(self, dialed: DialedLink) -> None:
        """The session did not last: use another bridge or endpoint, if there is one."""
        if dialed.endpoint:
            self._rendezvous.put_last(dialed.endpoint)
        self._short_lived.add(dialed.bridge, time.monotonic())

    async def close(self) -> None:
        """Let the WebRTC engine end, cancel the WebSockets that are still open or closing, and wait for their end."""
        if self._engine is not None:
            self._engine.close()
        for task in self._websockets:
            task.cancel()
        await asyncio.gather(*self._websockets, return_exceptions=True)

    # --- through a bridge ----------------------------------------------------------------------
    async def _dial_bridge(
        self, transport: Transport, avoid: Sequence[str], *, extra: bool, on_answer: Callable[[], None]
    ) -> DialedLink:
        watch = Stopwatch()
        async with self._rendezvous.open_request() as request:
            # the connection to the host is opened while candidates are gathered
            offer = await request.meanwhile(self._make_offer(transport), discard=_Offer.give_up)
            watch.lap("offer")
            try:
                answer = await request.send(self._request(transport, offer, avoid, extra=extra))
                watch.lap("rendezvous")
                on_answer()
                is_relayed = await self._connect(transport, offer, answer, extra=extra)
                watch.lap("channel")
            except RendezvousError as error:
                offer.give_up()
                raise self._error_without_bridge(error, transport, offer, extra=extra) from None
            except BaseException:
                offer.give_up()
                raise
        return DialedLink(
            offer.link,
            "turn" if is_relayed else transport,
            transport,
            bridge=answer.bridge,
            lane_signalling=None if is_relayed else offer.lane_signalling,
            networks=networks_of(answer.source),
            seconds=watch.parts,
        )

    async def _make_offer(self, transport: Transport) -> _Offer:
        """A peer connection with its candidates. Raises `TransportError`."""
        try:
            return await (self._offer_by_turn() if transport == "turn" else self._offer_by_stun())
        except TransportError:
            raise
        except LinkError as error:  # this machine's WebRTC engine cannot do it, or not with these servers
            raise TransportError(str(error), is_unusable=True) from None

    async def _offer_by_stun(self) -> _Offer:
        """An offer for a direct path. A STUN server that does not answer makes way for the next one."""
        for _ in range(len(self._stun) - 1):
            offer = await self._offer_by_one_server()
            if not offer.finds_udp_blocked:
                self._note_stun(silent=0)
                return offer
            offer.give_up()
            self._stun.rotate()
        offer = await self._offer_by_one_server()
        self._note_stun(silent=len(self._stun) if offer.finds_udp_blocked else 0)
        return offer

    def _note_stun(self, *, silent: int) -> None:
        if self._evidence is None:
            return
        if silent:
            self._evidence.stun_was_silent(silent, time.monotonic())
        elif self._stun:
            self._evidence.stun_answered()

    async def _offer_by_one_server(self) -> _Offer:
        signalling = LaneSignalling(
            self._new_link, allow_private=self._is_private, open_seconds=self._settings.bridge_open_seconds
        )
        sdp = await _gathered(signalling.first_link)
        signalling.keep_to(sdp)
        return _Offer(signalling.first_link, sdp, network_of(sdp) if self._stun else None, signalling)

    def _new_link(self, *, on_signal: Callable[[str], None] | None = None) -> DataChannelLink:
        return DataChannelLink(
            self._stun.current(), on_signal=on_signal, gathering=self._settings.gathering, engine=self._engine
        )

    async def _offer_by_turn(self) -> _Offer:
        """An offer with candidates of the host's TURN servers alone. Raises `LinkError`.

        A pair without TURN may have passed its checks and yet not have carried the session, so it must not be chosen.
        """
        while True:
            is_new = not self._turn.is_fresh
            servers = await self._turn.current()
            if not servers:
                # people read this only where they have chosen `turn`: otherwise the next transport is tried
                raise TransportError("the host has no TURN server: use another transport", is_unusable=True)
            link = DataChannelLink(servers, relay_only=True, gathering=self._settings.gathering, engine=self._engine)
            sdp = await _gathered(link)
            if " typ relay" in sdp:
                return _Offer(link, sdp)  # its own NAT does not matter: everybody can reach a TURN server
            link.close(_GIVEN_UP)
            if is_new:
                raise TransportError("the host's TURN server could not be reached", is_unusable=True)
            self._turn.expire()  # the credentials may be older than they seem: clocks stop while a machine sleeps

    def _request(self, transport: Transport, offer: _Offer, avoid: Sequence[str], *, extra: bool) -> RendezvousRequest:
        now = time.monotonic()
        names = [*self._short_lived.names(now), *self._unreachable[transport].names(now), *avoid]
        newest = list(dict.fromkeys(names))[-AVOID_MAX:]
        network = None if self._asks_for_any_bridge else offer.network
        return RendezvousRequest(PROTOCOL_VERSION, self._filtered(offer.sdp), network, newest, extra=extra)

    async def _connect(self, transport: Transport, offer: _Offer, answer: RendezvousAnswer, *, extra: bool) -> bool:
        """Wait until the data channel is open; return whether it leads through a TURN server. Raises `TransportError`.

        A bridge with which this fails gets a cooldown. A client that finds UDP blocked has half the patience with a
        bridge: perhaps only the STUN servers are blocked.
        """
        seconds = self._settings.turn_open_seconds if transport == "turn" else self._settings.bridge_open_seconds
        try:
            async with asyncio.timeout(seconds / 2 if offer.finds_udp_blocked else seconds):
                if offer.lane_signalling is not None:
                    offer.lane_signalling.keep_bridge_to(answer.answer)
                await offer.link.accept(self._filtered(answer.answer), keep_remote_relays=self._allow_turn)
                await offer.link.wait_opened()
                is_relayed = transport == "turn" or await offer.link.is_relayed()
            if is_relayed and not self._allow_turn:
                raise LinkError("the bridge can be reached through a TURN server only")
        except (TimeoutError, LinkError) as error:
            now = time.monotonic()
            self._unreachable[transport].add(answer.bridge, now)
            # with an extra link missing there is another one, so bridges are not blocked
            if self._evidence is not None and transport == "webrtc" and not extra:
                self._evidence.bridge_failed(networks_of(answer.source), now)
            if offer.finds_udp_blocked:
                raise TransportError(_UDP_BLOCKED, is_unusable=self._may_leave(now)) from None
            raise TransportError(str(error) or "the bridge could not be reached") from None
        return is_relayed

    def _error_without_bridge(
        self, error: RendezvousError, transport: Transport, offer: _Offer, *, extra: bool
    ) -> FreespanError:
        """The error to raise when the broker gave no bridge: a `TransportError` if waiting for one would not help.

        That is so where no bridge fits, or where only those are free that could not be reached. But if bridges are in
        cooldown because their sessions were short, that cooldown ends and the error stays the broker's: such a bridge
        is better than none, and the next request may get one.
        """
        if extra or error.code not in ("no_bridge", "no_new_bridge", "no_reachable_bridge"):
            return error
        now = time.monotonic()
        if self._short_lived.names(now):
            self._short_lived.clear()
            return error
        is_unreachable = error.code == "no_reachable_bridge"
        # what a broker says is no evidence, so the next request has it try a bridge all the same
        self._asks_for_any_bridge = is_unreachable and not self._may_leave(now)
        if offer.finds_udp_blocked:
            return TransportError(_UDP_BLOCKED, is_unusable=self._may_leave(now), after=error.after)
        if is_unreachable or self._unreachable[transport].names(now):
            return TransportError(str(error), is_unusable=is_unreachable and self._may_leave(now), after=error.after)
        return error

    def _may_leave(self, now: float) -> bool:
        """Whether a transport that no bridge can make usable is to be left at once."""
        return self._evidence is None or self._settings.allow_direct or self._evidence.is_enough(now)

    def _filtered(self, sdp: str) -> str:
        """A description as it may cross the open internet: without addresses of either end's private network."""
        return filter_sdp(sdp, allow_private=self._is_private)

    # --- without a bridge ----------------------------------------------------------------------
    async def _dial_host(self) -> DialedLink:
        watch = Stopwatch()
        try:
            endpoint, socket = await self._rendezvous.open_egress()
        except RendezvousError as error:
            raise TransportError(str(error), cause=error.cause) from None
        watch.lap("channel")
        link = WebSocketLink(socket)
        task = asyncio.create_task(link.run(), name="client-egress-socket")
        self._websockets.add(task)
        task.add_done_callback(self._websockets.discard)
        transport: TransportInUse = "websocket" if endpoint == self._host else "front"
        return DialedLink(link, transport, "websocket", endpoint=endpoint, seconds=watch.parts)


def keeps_to_default_route(invite: Invite, settings: ClientSettings) -> bool:
    """Whether a client uses the system's own way to the open internet alone; that leads out of a private network."""
    return not (settings.all_interfaces or is_private_url(invite.broker))


async def _gathered(link: DataChannelLink) -> str:
    """The link's offer with its candidates. Raises `LinkError`."""
    try:
        return await link.offer()
    except BaseException:
        link.close(_GIVEN_UP)
        raise
