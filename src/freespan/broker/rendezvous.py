"""A client's offer goes to one bridge after the other until one of them answers.

    offer ──▶ check ──▶ choose a bridge ──▶ ask it ── answer ──▶
                │         ▲     │             │
                │         │     │             └─ refusal, timeout, or gone ─┐
                │         └─────│───────────────────────────────────────────┘
                ▼               ▼ none is left, or three were asked
          400, 429, 503      503 if none was asked, else 504

All attempts together are bounded by `attempts_max` and `rendezvous_seconds`; then the client gets 504. What a source
may ask for, have under way and hold is bounded as well. docs/protocol/rendezvous.md lists the problems.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable

from freespan.broker.bridge_directory import BridgeDirectory, Visit
from freespan.broker.bridge_signalling import BridgeSignalling, NoAnswer
from freespan.broker.held_places import HeldPlaces
from freespan.broker.matching import Matching
from freespan.broker.offer_targets import OfferTargets, Targets
from freespan.broker.responses import ProblemError, too_many_offers, too_many_requests
from freespan.broker.settings import BrokerSettings
from freespan.broker.turn import TurnServers
from freespan.broker.turn_addresses import TurnAddresses
from freespan.broker.waiting_requests import WaitingRequests
from freespan.sources.rate import RateBudgets
from freespan.sources.requests import SourceReader
from freespan.sources.source import Source
from freespan.wire.errors import MessageError
from freespan.wire.limits import PROTOCOL_VERSION
from freespan.wire.messages import Offer, RendezvousAnswer, RendezvousRequest
from freespan.wire.sdp import Filtered, check_offer, check_passable, filtered


class Rendezvous:
    """Finds bridges for clients. `filter_sdp` takes out of an offer what the bridge must not be given."""

    def __init__(
        self,
        matching: Matching,
        signalling: BridgeSignalling,
        turn_servers: TurnServers | None,
        settings: BrokerSettings,
        filter_sdp: Callable[[str], Filtered],
        sources: SourceReader,
        bridges: BridgeDirectory,
    ) -> None:
        self._matching = matching
        self._signalling = signalling
        self._turn_servers = turn_servers
        self._settings = settings
        self._filter_sdp = filter_sdp
        self._bridges = bridges
        self._misses = RateBudgets(settings.misses_of_host, settings.misses_of_network)
        self._waiting = WaitingRequests(
            settings.rendezvous_max, settings.rendezvous_for_newcomers, settings.rendezvous_places
        )
        self.held_places = HeldPlaces(settings)
        self._targets = OfferTargets(settings, sources.hasher)
        self._turn_addresses = TurnAddresses(turn_servers.hosts if turn_servers else ())

    async def find_answer(
        self, request: RendezvousRequest, source: Source | None, *, is_invited: bool = False
    ) -> RendezvousAnswer:
        """The answer of a bridge to the offer of a client. Raises `ProblemError` if there is none."""
        if not self.held_places.may_hold(source, self._matching.unused_places, _now()):
            raise too_many_requests()
        offer = self._passable(request.offer)
        targets = self._targets.targets_of(offer.addresses, source, self._turn_addresses.current(_now()))
        visit = self._bridges.visit(source)
        try:
            async with self._waiting.waiting(source, self._settings.rendezvous_seconds, is_preferred=is_invited):
                for _ in range(self._settings.attempts_max):
                    answer = await self._ask_next_bridge(offer, targets, request, visit)
                    if answer is not None:
                        return answer
        except TimeoutError:
            pass
        raise _bridge_timeout()

    def _passable(self, offer: str) -> Filtered:
        """What a bridge may be given of an offer. One that is too long would make the bridge leave."""
        try:
            check_offer(offer)
            return check_passable("offer", self._filter_sdp(offer))
        except MessageError as error:
            raise ProblemError(400, "bad_request", str(error), error.field) from None

    async def _ask_next_bridge(
        self, offer: Filtered, targets: Targets, request: RendezvousRequest, visit: Visit
    ) -> RendezvousAnswer | None:
        """Return one bridge's answer, or None when it gave none. Raises `ProblemError` when no bridge is left."""
        within = self._within_budget(offer, targets)
        offer_id = secrets.token_urlsafe(12)
        bridge = self._assign(offer_id, request, visit)
        within = self._without_neighbours(bridge, within)
        self._targets.count(targets, within.addresses, _now())
        needs_turn = self._matching.needs_turn(bridge, request.network)
        turn = self._turn_servers.credentials(time.time()) if self._turn_servers and needs_turn else []
        answer: Filtered | NoAnswer = NoAnswer.NONE_CAME
        self.held_places.hold(offer_id, bridge, visit.source, _now())
        visit.begin(bridge)
        try:
            answer = await self._signalling.ask(bridge, Offer(offer_id, within.sdp, turn))
        finally:
            visit.end(bridge, is_answered=isinstance(answer, Filtered))
            if isinstance(answer, NoAnswer):
                self.held_places.release(offer_id)
        self._count_misses(bridge, answer, visit)
        if isinstance(answer, NoAnswer):
            return None
        if any(":" in name for name in answer.addresses):  # others tell nothing about IPv6 networks
            self._bridges.networks.learn(bridge, answer.sdp)
        return RendezvousAnswer(PROTOCOL_VERSION, answer.sdp, bridge, self._matching.region_of(bridge))

    def _count_misses(self, bridge: str, answer: Filtered | NoAnswer, visit: Visit) -> None:
        """Blame the bridges that gave no answer. A refusal counts where a proved bridge elsewhere takes the offer."""
        match answer:
            case NoAnswer.REFUSED:
                visit.refused_by.add(bridge)
            case NoAnswer.NONE_CAME:
                self._count_miss(bridge, visit.source)
            case _ if visit.source is not None and self._bridges.is_proved(bridge):
                for other in visit.refused_by:
                    self._count_miss(other, visit.source, is_refusal=True)

    def _count_miss(self, bridge: str, source: Source | None, *, is_refusal: bool = False) -> None:
        if self._misses.take(source, _now()):
            network = None if source is None else source.network
            self._signalling.count_miss(bridge, network, is_refusal=is_refusal)

    def _within_budget(self, offer: Filtered, targets: Targets) -> Filtered:
        """The offer without addresses to which bridges were sent too often.

        Raises `ProblemError` if no address is left.
        """
        exhausted = self._targets.exhausted(targets, _now())
        if not exhausted:
            return offer
        names = offer.addresses - exhausted
        if not names:
            raise too_many_offers(self._targets.wait(targets, _now()))
        return filtered(offer.sdp, allow_private=True, only=names)

    def _without_neighbours(self, bridge: str, offer: Filtered) -> Filtered:
        """The offer without addresses in the bridge's own network: its volunteer's neighbours are nobody's target."""
        neighbours = self._bridges.networks.neighbours(bridge, offer.addresses)
        if not neighbours:
            return offer
        return filtered(offer.sdp, allow_private=True, only=offer.addresses - neighbours)

    def _assign(self, offer_id: str, request: RendezvousRequest, visit: Visit) -> str:
        if request.extra and not self._matching.is_mostly_free:
            raise ProblemError(503, "no_bridge", "the free bridges are kept for clients that have none")
        avoid, only = visit.avoidable(request.avoid), visit.only()
        has_turn, takes_newcomers = self._turn_servers is not None, visit.takes_newcomers()
        full: set[str] = set()
        while len(full) < self._settings.draws_max:
            bridge = self._matching.assign(
                offer_id,
                visit.tried | full,
                request.network,
                avoid,
                has_turn=has_turn,
                only=only,
                takes_newcomers=takes_newcomers,
            )
            if bridge is None:
                break
            if self.held_places.may_hold_at(bridge, visit.source, *self._matching.places_of(bridge)):
                return bridge
            self._matching.settle(bridge, offer_id)
            full.add(bridge)
        if full:
            raise too_many_requests()
        if visit.tried:
            raise _bridge_timeout()
        if only is not None:
            detail = "your network has been shown as many new bridges as it may see in an hour"
            raise ProblemError(503, "no_new_bridge", detail, after=visit.seconds_left())
        if self._matching.has_free_bridge(avoid):
            raise ProblemError(503, "no_reachable_bridge", "no free bridge can be reached from this kind of network")
        raise ProblemError(503, "no_bridge", "no bridge is free right now")


def _bridge_timeout() -> ProblemError:
    return ProblemError(504, "bridge_timeout", "no bridge answered in time: ask again")


def _now() -> float:
    return asyncio.get_running_loop().time()
