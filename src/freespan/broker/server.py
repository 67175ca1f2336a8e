"""The broker of a host: puts its parts together, and lists their routes.

POST /v1/rendezvous   sealed_requests.py     clients ask for a bridge, or for TURN servers
GET  /v1/bridge       bridge_signalling.py   bridges and probes connect (WebSocket)
GET  /v1/countries    reader_statistics.py   anybody asks where readers are
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from aiohttp import web

from freespan.broker.bridge_directory import BridgeDirectory
from freespan.broker.bridge_networks import BridgeNetworks
from freespan.broker.bridge_signalling import BridgeSignalling
from freespan.broker.guests import Anybody, Guests
from freespan.broker.kept_answers import KeptAnswers
from freespan.broker.matching import Matching
from freespan.broker.proof import Proofs
from freespan.broker.reader_statistics import ReaderStatistics
from freespan.broker.rendezvous import Rendezvous
from freespan.broker.sealed_requests import SealedRequests
from freespan.broker.settings import BrokerSettings
from freespan.broker.shown_bridges import ShownBridges
from freespan.broker.turn import TurnServers
from freespan.observe.counters import HostCounters
from freespan.observe.ledger import Ledger
from freespan.sealing.hpke import Opener
from freespan.sources.requests import SourceReader
from freespan.wire.egress_url import egress_url_for
from freespan.wire.messages import IceServer, Welcome
from freespan.wire.sdp import Filtered, filtered

_BRIDGES_PART = 0.5
"""The part of the host's memory that waiting bridges may take."""
_ANSWERS_PART = 16
"""Kept answers may take one part in so many of it."""


class Broker:
    """Introduces clients to bridges. `bridges` is for the egress.

    Args:
        egress_url: returns the WebSocket URL of the egress; asked when a bridge joins, as the port may be known late.
        opener: opens what clients have sealed to the host.
        counters: where bridges and rendezvous are counted.
        stun: returns the STUN servers, one entry with all its ports for each; asked when a bridge joins.
        turn_servers: the host's TURN servers, if it has any.
        statistics: counts the clients that were given a bridge.
        settings: limits and times.
        sources: tells where requests come from.
        ledger: counts what is held for bridges and clients.
        guests: knows who may be given a bridge; without them, everybody may.
        hides_private: returns whether private addresses are taken out of offers and answers. On the open internet they
            would lead into the other side's own network.
    """

    def __init__(
        self,
        egress_url: Callable[[], str],
        opener: Opener,
        counters: HostCounters,
        stun: Callable[[], Sequence[IceServer]] = tuple,
        turn_servers: TurnServers | None = None,
        statistics: ReaderStatistics | None = None,
        settings: BrokerSettings | None = None,
        sources: SourceReader | None = None,
        ledger: Ledger | None = None,
        guests: Guests | None = None,
        *,
        hides_private: Callable[[], bool] = lambda: False,
    ) -> None:
        settings = settings or BrokerSettings()
        statistics = statistics or ReaderStatistics()
        sources = sources or SourceReader()
        ledger = ledger or Ledger()
        of_bridges, of_requests = ledger.account(part=_BRIDGES_PART), ledger.account()
        most_answers = None if ledger.limit is None else ledger.limit // _ANSWERS_PART

        def welcome(token: str) -> Welcome:
            return Welcome(egress_url_for(egress_url(), token) if token else egress_url(), list(stun()))

        def for_others(sdp: str) -> Filtered:
            return filtered(sdp, allow_private=not hides_private())

        self.matching = Matching(secrets.randbelow, settings)
        shown = ShownBridges(self.matching.names.__contains__, settings.shown)
        self.bridges = BridgeDirectory(
            self.matching,
            Proofs(settings.proof),
            shown,
            time.monotonic,
            on_handshake=lambda bridge: self.rendezvous.held_places.acknowledge(bridge),
            account=ledger.account(),
            networks=BridgeNetworks(sources.lasting),
        )
        self.signalling = BridgeSignalling(
            self.matching, welcome, counters, settings, for_others, sources, of_bridges, self.bridges
        )
        self.rendezvous = Rendezvous(
            self.matching, self.signalling, turn_servers, settings, for_others, sources, self.bridges
        )
        self.requests = SealedRequests(
            opener,
            Anybody() if guests is None else guests,
            self.rendezvous,
            turn_servers,
            statistics,
            counters,
            settings,
            sources,
            of_requests,
            KeptAnswers(settings, ledger.account(), most_answers),
        )
        self._parts = (self.requests, self.signalling, statistics)

    def routes(self) -> list[web.RouteDef]:
        """Everything that the broker serves."""
        return [route for part in self._parts for route in part.routes()]
