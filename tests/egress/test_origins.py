"""Where a link comes from: a bridge that the broker knows, or an address."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from freespan.egress.dialer import Dialer
from freespan.egress.origins import Origins
from freespan.egress.policy import Policy
from freespan.egress.server import Egress
from freespan.link.bond.bond import Bond
from freespan.link.websocket import WebSocketLink
from freespan.observe.counters import HostCounters
from freespan.sources.requests import SourceReader
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.identity import new_identity
from tests.support.serving import serving
from tests.support.whole_path import SECONDS


class Directory:
    """A broker that knows one bridge."""

    def __init__(self) -> None:
        self.proofs: list[str] = []

    def places(self, token: str) -> int | None:
        return {"known": 64, "other": 8, "unproved": 0}.get(token)

    def handshake_completed(self, token: str) -> None:
        self.proofs.append(token)


HEADER = "X-Forwarded-For"


def origins(directory: Directory | None = None) -> Origins:
    return Origins(SourceReader(HEADER), directory)


def request(query: str = "", address: str = "192.0.2.1") -> web.Request:
    return make_mocked_request("GET", f"/v1/egress{query}", headers={HEADER: address})


def test_links_of_a_known_bridge_count_against_it_wherever_it_is() -> None:
    of = origins(Directory())
    first, second = of.of(request("?bridge=known")), of.of(request("?bridge=known", "198.51.100.1"))
    assert first.source is not None
    assert second.source is not None
    assert first.source.host == second.source.host
    assert (first.bridge, first.links, first.sessions) == ("known", 64, 8)


def test_many_bridges_at_one_address_are_one_network() -> None:
    of = origins(Directory())
    of_bridge, of_address = of.of(request("?bridge=known")).source, of.of(request()).source
    assert of_bridge is not None
    assert of_address is not None
    assert of_bridge.host != of_address.host
    assert of_bridge.network == of_address.network


def test_a_token_that_nobody_knows_is_worth_nothing() -> None:
    of = origins(Directory())
    plain = of.of(request())
    for query in ("?bridge=unknown", "?bridge=", "?bridge", "?token=known"):
        assert of.of(request(query)) == plain
    assert origins().of(request("?bridge=known")).bridge == ""


def test_a_bridge_that_has_not_proved_itself_counts_as_its_address() -> None:
    of = origins(Directory())
    plain, bridge = of.of(request()), of.of(request("?bridge=unproved"))
    assert (bridge.source, bridge.links, bridge.group) == (plain.source, 0, plain.group)
    assert bridge.bridge == "unproved"  # what it carries may prove it


def test_the_sessions_of_a_network_count_together_and_those_of_a_proved_bridge_for_themselves() -> None:
    of = origins(Directory())
    groups = [
        of.of(request(query, address)).group
        for query, address in (
            ("", "192.0.2.1"),
            ("?bridge=unproved", "192.0.2.2"),
            ("?bridge=known", "192.0.2.1"),
            ("?bridge=other", "192.0.2.1"),
            ("", "192.0.3.1"),
        )
    ]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 4


async def test_a_handshake_is_reported_for_the_bridge_that_carried_it_and_for_no_other() -> None:
    identity, directory = new_identity(), Directory()
    egress = Egress(identity, Dialer(Policy()), HostCounters(), sources=SourceReader(HEADER), bridges=directory)
    async with asyncio.timeout(SECONDS), serving(egress.routes()) as url, aiohttp.ClientSession(url) as http:
        for query in ("?bridge=known", "?bridge=unproved", "?bridge=unknown", ""):
            socket = await http.ws_connect(f"/v1/egress{query}")
            link = WebSocketLink(socket)
            running = asyncio.create_task(link.run(), name="link")
            session = ClientTunnel(identity.pin, Bond.begin_session(link))
            await session.start()
            session.close()
            await running
        egress.close()
    await egress.stop()
    assert directory.proofs == ["known", "unproved"]
