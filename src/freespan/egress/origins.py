"""Where a link comes from: a bridge, or an address.

At the egress the source is the *bridge*. One bridge carries links of many readers, so it has more places than an
address, and the more readers it has brought to the end of a handshake, the more it has. A bridge that has not proved
itself counts as its address: tokens are free, and one machine could be thousands of sources with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from freespan.sources.requests import SourceReader
from freespan.sources.source import Source
from freespan.wire.egress_url import BRIDGE_PARAMETER
from freespan.wire.limits import LANES_MAX


class BridgeDirectory(Protocol):
    """What the broker knows of the bridges that come to the egress. Nothing else passes between the two."""

    def places(self, token: str) -> int | None:
        """How many links a bridge may bring more than an address without being greedy; None if it is not known.

        0 for one that has not proved itself.
        """

    def handshake_completed(self, token: str) -> None:
        """A reader has completed a handshake through a bridge."""


@dataclass(frozen=True)
class Origin:
    """Where a link comes from.

    Attributes:
        source: None if it is not known.
        bridge: the token of the bridge; empty if it comes from none that the broker knows.
        links: how many links it may hold more than an address, without being greedy; 0 for an address, and for a
            bridge that has not proved itself.
    """

    source: Source | None = None
    bridge: str = ""
    links: int = 0

    @property
    def sessions(self) -> float:
        """The same for sessions: each may have its first link and a link in each lane."""
        return self.links / (LANES_MAX + 1)

    @property
    def group(self) -> bytes | None:
        """What its sessions count against together: a bridge that has proved itself, or a network."""
        if self.source is None:
            return None
        return self.source.host if self.links else self.source.network


UNKNOWN = Origin()


class Origins:
    """Tells the origin of requests; without a directory no bridge is known."""

    def __init__(self, sources: SourceReader, bridges: BridgeDirectory | None = None) -> None:
        self._sources = sources
        self._bridges = bridges

    def of(self, request: web.BaseRequest) -> Origin:
        """The origin of a request for a link."""
        source = self._sources.source_of(request)
        token = request.query.get(BRIDGE_PARAMETER, "")
        places = self._bridges.places(token) if self._bridges is not None and token else None
        if places is None:
            return Origin(source)
        if not places:
            return Origin(source, token)
        bridge = self._sources.hasher.source_of_name(token)
        # many bridges at one address are still one network
        return Origin(Source(bridge.host, source.network if source is not None else bridge.network), token, places)

    def handshake_completed(self, origin: Origin) -> None:
        """A session that began with a link of this origin has completed its handshake."""
        if self._bridges is not None and origin.bridge:
            self._bridges.handshake_completed(origin.bridge)
