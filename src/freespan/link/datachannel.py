"""A link over a WebRTC data channel; the only module that uses the WebRTC engine (wrtc, Chrome's libwebrtc).

Both sides create the channel themselves (`negotiated`, id 0), so it is usable as soon as SCTP is up. Candidates travel
in the offer and the answer; gathering.py decides how long to wait for them.

A second channel of the same kind (id 1) can carry signalling, as text: a client asks there for further peer connections
(lanes) without a broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence

import webrtc

from freespan.link.base import (
    BINARY,
    FORBIDDEN_SIZE,
    OVERRUN,
    TEXT,
    TOO_EARLY,
    DeliveryQueue,
    LinkOwner,
    SendQueueLimit,
)
from freespan.link.default_route import (
    default_routes,
    start_without_interfaces,
    usable_versions,
    with_own_addresses,
)
from freespan.link.gathering import Gathering
from freespan.link.settings import GatheringSettings
from freespan.wire.errors import LinkError
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX, PIPE_WAITING_MAX
from freespan.wire.messages import IceServer

_log = logging.getLogger(__name__)
_LABEL = "freespan"
_LANES_LABEL = "lanes"
_SIGNALLING_QUEUE_MAX = 64 * 1024
"""How many bytes may wait in the signalling channel of an end that does not read; more of them close the link."""
# The post-quantum key share (X25519MLKEM768); without it, the handshake would not look like a browser's.
webrtc.field_trials["WebRTC-EnableDtlsPqc"] = "Enabled"
_HOST = " typ host"
_FAILED = "could not connect to the bridge (ICE failed)"
_GONE = "the other end is gone"


class KeptEngine:
    """Keeps the engine of this process running, from `start` until it is closed.

    A process has one engine, which takes 4 ms to start and ends with its last connection. So this holds a connection
    that connects to nothing.
    """

    def __init__(self) -> None:
        self._keepers: list[webrtc.RTCPeerConnection] = []

    def start(self) -> None:
        """Start the engine, if it can be."""
        # if it fails, so will the links, and they say it
        with contextlib.suppress(webrtc.PythonWebRTCExceptionBase):
            self._keepers.append(webrtc.RTCPeerConnection(webrtc.RTCConfiguration(ice_servers=[])))

    def close(self) -> None:
        """Let the engine end once no link needs it any more."""
        for keeper in self._keepers:
            keeper.close()
        self._keepers.clear()


class DefaultRouteEngine:
    """Keeps the engine of this process to the routes of the system, until it is closed (default_route.py).

    It runs from before the first link to after the last one.
    """

    def __init__(self) -> None:
        self._routes = default_routes()
        self._kept = KeptEngine()
        self.can_list_interfaces = not start_without_interfaces(self._kept.start, usable_versions(self._routes))
        """Whether this system does not let us keep it from that; or, later, whether a link has found that it does."""
        if self.can_list_interfaces:
            _log.info("this system does not let WebRTC be kept to its routes")

    def close(self) -> None:
        """Let the engine end once no link needs it any more."""
        self._kept.close()

    def checked(self, sdp: str) -> str:
        """A description of a link. An engine that lists interfaces names them, and says what stands behind a NAT."""
        if _HOST in sdp and not self.can_list_interfaces:
            # another connection of this process, made before, has started the engine
            self.can_list_interfaces = True
            _log.warning("WebRTC uses all network interfaces, since another connection of this process does")
        if self.can_list_interfaces:
            return sdp
        return with_own_addresses(sdp, {route.source for route in self._routes.values()})


class DataChannelLink:
    """One end of a peer connection with one data channel.

    The offering end calls `offer()`, then `accept(answer)`; the answering end calls `answer(offer)`. Both then wait for
    `wait_opened()`.

    Args:
        ice_servers: STUN and TURN servers.
        relay_only: whether every packet takes a TURN server of `ice_servers`.
        on_signal: called with each text that comes in the signalling channel; without it there is no such channel.
        gathering: how long to wait for candidates.
        engine: what keeps this link to the routes of the system; without it, it uses all network interfaces.

    Raises:
        LinkError: the engine cannot use the ICE servers.
    """

    def __init__(
        self,
        ice_servers: Sequence[IceServer] = (),
        *,
        relay_only: bool = False,
        on_signal: Callable[[str], None] | None = None,
        gathering: GatheringSettings | None = None,
        engine: DefaultRouteEngine | None = None,
    ) -> None:
        self._engine = engine
        servers = [
            webrtc.RTCIceServer(urls=list(server.urls), username=server.username, credential=server.credential)
            for server in ice_servers
        ]
        try:
            # Without this list the engine would use public STUN servers of its own.
            self._connection = webrtc.RTCPeerConnection(
                webrtc.RTCConfiguration(ice_servers=servers, ice_transport_policy="relay" if relay_only else "all")
            )
        except webrtc.PythonWebRTCExceptionBase:
            raise LinkError("the host's STUN and TURN servers are not usable") from None
        self._channel = self._connection.create_data_channel(
            _LABEL, webrtc.RTCDataChannelInit(negotiated=True, id=0, ordered=True)
        )
        self._channel.buffered_amount_low_threshold = LINK_QUEUE_MAX // 2
        self._signalling = self._create_signalling_channel() if on_signal is not None else None
        self._on_signal = on_signal
        self._unopened = 1 if on_signal is None else 2
        self._deliveries = DeliveryQueue(LINK_QUEUE_MAX)
        self._queue_limit = SendQueueLimit()
        self._ended = False
        self._left_out: set[int] = set()
        loop = asyncio.get_running_loop()
        self._open: asyncio.Future[None] = loop.create_future()
        self._gathering = Gathering((url for server in ice_servers for url in server.urls), gathering)
        self._channel.on("open", self._on_open)
        self._channel.on("message", self._on_message)
        self._channel.on("bufferedamountlow", self._on_low)
        self._channel.on("close", lambda _: self._end(_GONE))
        self._channel.on("error", lambda _: self._end(_GONE))
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("icecandidate", self._on_candidate)
        self._connection.on("icegatheringstatechange", self._on_gathering)

    # --- set-up ------------------------------------------------------------------------------
    async def offer(self, *, patient: bool = False) -> str:
        """Make the offer with its candidates; `patient` waits for the answer of every server. Raises `LinkError`."""
        try:
            await self._connection.set_local_description(await self._connection.create_offer())
            return await self._description(patient)
        except webrtc.PythonWebRTCExceptionBase:
            raise LinkError("this machine's WebRTC could not make an offer") from None

    async def accept(self, answer: str, *, keep_remote_relays: bool = True) -> None:
        """Take the answer to `offer()`, without its relay candidates unless they are kept. Raises `LinkError`."""
        if not keep_remote_relays:
            lines = answer.splitlines(keepends=True)
            self._left_out = {port for line in lines if (port := _relay_port(line))}
            answer = "".join(line for line in lines if not _relay_port(line))
        await self._set_remote("answer", answer)

    async def answer(self, offer: str) -> str:
        """Take an offer, and make the answer with its candidates. Raises `LinkError` when the offer is unusable."""
        await self._set_remote("offer", offer)
        try:
            await self._connection.set_local_description(await self._connection.create_answer())
            return await self._description(patient=False)
        except webrtc.PythonWebRTCExceptionBase:
            raise LinkError("this machine's WebRTC could not answer the offer") from None

    async def wait_opened(self) -> None:
        """Wait until messages can be sent. Raises `LinkError`; the caller sets the time limit."""
        await asyncio.shield(self._open)

    async def is_relayed(self) -> bool:
        """Whether packets take a TURN server, of this end or of the other one."""
        report, pairs = await self._pairs_in_use()
        return any(self._is_relay(report.get(one)) for pair in pairs for one in _ends(pair))

    async def ice_rtt(self) -> float:
        """The round-trip time of the last connectivity check in seconds; 0 if it is not known, or below 1 ms.

        ICE makes a check every one to three seconds. A check waits in the queues of the network, and in none above.
        """
        _, pairs = await self._pairs_in_use()
        return max((pair.current_round_trip_time or 0.0 for pair in pairs), default=0.0)

    async def _pairs_in_use(self) -> tuple[Mapping[str, object], list[webrtc.RTCIceCandidatePairStats]]:
        """Return the engine's statistics, and in them the candidate pair that packets take: one, or none yet."""
        try:
            report = await self._connection.get_stats()
        except webrtc.PythonWebRTCExceptionBase:
            return {}, []  # it closes just now
        transports = [one for one in report.values() if isinstance(one, webrtc.RTCTransportStats)]
        pairs = [report.get(one.selected_candidate_pair_id or "") for one in transports]
        return report, [pair for pair in pairs if isinstance(pair, webrtc.RTCIceCandidatePairStats)]

    def _is_relay(self, candidate: object) -> bool:
        """Whether it is a relay candidate. One that was left out shows as `prflx`, with its port but no address."""
        if not isinstance(candidate, webrtc.RTCIceCandidateStats):
            return False
        kind = candidate.candidate_type
        return kind == "relay" or (kind == "prflx" and candidate.port in self._left_out)

    async def _set_remote(self, kind: str, sdp: str) -> None:
        description = webrtc.RTCSessionDescriptionInit(type=webrtc.RTCSdpType(kind), sdp=sdp)
        try:
            await self._connection.set_remote_description(description)
        except (webrtc.PythonWebRTCExceptionBase, ValueError, TypeError):
            raise LinkError(f"the {kind} is not a usable session description") from None

    async def _description(self, patient: bool) -> str:
        await self._gathering.enough(patient=patient)
        description = self._connection.local_description
        if description is None or self._ended:
            raise LinkError("the connection was closed during set-up")
        return description.sdp if self._engine is None else self._engine.checked(description.sdp)

    # --- the link ----------------------------------------------------------------------------
    def start(self, owner: LinkOwner) -> None:
        """See `Link.start`."""
        self._deliveries.start(owner)

    @property
    def send_credit(self) -> int:
        """See `Link.send_credit`."""
        return self._queue_limit.send_credit(self._channel.buffered_amount)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes the engine has taken and not yet sent."""
        return self._channel.buffered_amount

    def send(self, message: bytes) -> None:
        """See `Link.send`."""
        if self._ended:
            return
        try:
            self._channel.send(message)
        except webrtc.PythonWebRTCExceptionBase:
            self.close(_GONE)
        if self._channel.buffered_amount > PIPE_WAITING_MAX:
            self.close(OVERRUN)

    def close(self, reason: str = "closed") -> None:
        """See `Link.close`.

        A single datagram, the ABORT of SCTP, announces it. If it is lost, the other end notices after 15 s, which is
        libwebrtc's own limit for unanswered connectivity checks (consent expires after 30 s, RFC 7675).
        """
        asyncio.get_running_loop().call_soon(self._end, reason)

    # --- signalling --------------------------------------------------------------------------
    def send_signal(self, text: str) -> None:
        """Send a text in the signalling channel once the link is open; the link ends if the other end does not read."""
        if self._ended or self._signalling is None:
            return
        try:
            self._signalling.send(text)
        except webrtc.PythonWebRTCExceptionBase:
            return  # the other end has no such channel, or closes just now
        if self._signalling.buffered_amount > _SIGNALLING_QUEUE_MAX:
            self.close(OVERRUN)

    def _create_signalling_channel(self) -> webrtc.RTCDataChannel:
        channel = self._connection.create_data_channel(
            _LANES_LABEL, webrtc.RTCDataChannelInit(negotiated=True, id=1, ordered=True)
        )
        channel.on("open", self._on_open)
        channel.on("message", self._on_signal_event)
        return channel

    def _on_signal_event(self, event: webrtc.MessageEvent) -> None:
        if not isinstance(event.data, str):
            self._end(BINARY)
        elif self._on_signal is not None and not self._ended:
            self._on_signal(event.data)

    # --- events of the engine ----------------------------------------------------------------
    def _on_open(self, _: object) -> None:
        self._unopened -= 1
        if self._unopened <= 0 and not self._open.done():
            self._open.set_result(None)

    def _on_message(self, event: webrtc.MessageEvent) -> None:
        data = event.data
        if not isinstance(data, bytes):
            self._end(TEXT)
        elif not 0 < len(data) <= MESSAGE_MAX:
            self._end(FORBIDDEN_SIZE)
        elif not self._deliveries.deliver(data):
            self._end(TOO_EARLY)

    def _on_low(self, _: object) -> None:
        if self._queue_limit.has_drained(self._channel.buffered_amount):
            self._deliveries.report_writable()

    def _on_state(self, _: object) -> None:
        if self._connection.connection_state in ("failed", "closed"):
            self._end(_GONE if self._open.done() else _FAILED)

    def _on_candidate(self, event: webrtc.RTCPeerConnectionIceEvent) -> None:
        if event.candidate is not None:
            self._gathering.found(event.candidate.type)

    def _on_gathering(self, _: object) -> None:
        if self._connection.ice_gathering_state == "complete":
            self._gathering.complete()

    def _end(self, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        if not self._open.done():
            self._open.set_exception(LinkError(reason))
            self._open.exception()  # marks it as retrieved, as there may be nobody who waits
        self._gathering.complete()
        self._connection.close()
        self._deliveries.end(reason)
        asyncio.get_running_loop().call_soon(self._let_go)

    def _let_go(self) -> None:
        """Part from the engine: handlers lead from it back to this link, and only the collector would free both.

        What the engine holds for a connection is many times what Python knows of.
        """
        for target in (self._channel, self._signalling, self._connection):
            if target is not None:
                target.remove_all_listeners()
        if hasattr(self._connection, "_chain"):
            self._connection._chain = None  # its operations, which refer to the connection
        self._on_signal = None


def _ends(pair: webrtc.RTCIceCandidatePairStats) -> tuple[str, str]:
    return pair.local_candidate_id, pair.remote_candidate_id


def _relay_port(line: str) -> int:
    """The port of a relayed candidate (RFC 8839 section 5.1), 0 for any other line."""
    parts = line.split()
    is_relay = line.startswith("a=candidate:") and len(parts) >= 8 and parts[7].lower() == "relay"
    return int(parts[5]) if is_relay and parts[5].isdecimal() else 0
