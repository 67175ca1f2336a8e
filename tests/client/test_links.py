"""The roads of a client, each with the real broker, egress and WebRTC engine; a network that blocks is played."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from freespan.broker import server as broker_server
from freespan.client import engine, links
from freespan.client.links import FoundLink, Links, RoadError, http_session
from freespan.client.rendezvous import Rendezvous
from freespan.link.datachannel import DataChannelLink
from freespan.wire.backoff import Backoff
from freespan.wire.errors import LinkError, RendezvousError
from freespan.wire.invite import Invite
from freespan.wire.messages import IceServer, RendezvousRequest
from freespan.wire.network import Network
from tests.path import SECONDS, Host, hosting, reading, volunteering
from tests.sdp import ANSWER, OFFER
from tests.serving import serving
from tests.site import SMALL, Site

DEAD = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long before the next try, nor for a channel that will not open."""
    monkeypatch.setattr(engine, "Backoff", functools.partial(Backoff, first=0.02, longest=0.1))
    monkeypatch.setattr(broker_server, "RETRY_AFTER_SECONDS", 0)
    monkeypatch.setitem(links._OPEN_SECONDS, "webrtc", 0.5)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with asyncio.timeout(4 * SECONDS), hosting() as host:
        yield host


class UdpBlockedLink(DataChannelLink):
    """A peer connection whose packets all get lost."""

    async def opened(self) -> None:
        await asyncio.Event().wait()


def blocks_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "DataChannelLink", UdpBlockedLink)


# --- the WebSocket ---------------------------------------------------------------------------------


async def test_when_no_bridge_can_be_reached_the_session_takes_the_second_road(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_udp(monkeypatch)
    async with volunteering(host.url), volunteering(host.url), reading(host.invite) as reader:
        opened = await reader.statuses.until("open")
        assert opened.road == "websocket"
        assert "straight to the host" in opened.detail
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_when_the_only_bridge_cannot_be_reached_the_session_takes_the_second_road(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_udp(monkeypatch)
    async with volunteering(host.url), reading(host.invite) as reader:
        assert (await reader.statuses.until("open")).road == "websocket"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_bridge_that_could_not_be_reached_is_not_asked_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_udp(monkeypatch)
    async with volunteering(host.url), reading(host.invite, "webrtc") as reader:
        waiting = await reader.statuses.until("waiting")
        while "no bridge" in waiting.detail:  # asked before this one had joined
            waiting = await reader.statuses.until("waiting")
        assert "could not be reached" in waiting.detail
        await reader.statuses.until("looking")
        assert "no bridge is free" in (await reader.statuses.until("waiting")).detail


async def test_the_second_road_through_a_front(host: Host, site: Site) -> None:
    invite = Invite(DEAD, host.identity.pin, fronts=(host.url,))
    async with reading(invite, "websocket") as reader:
        assert (await reader.statuses.until("open")).road == "front"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_bridge_is_found_through_a_front(host: Host, site: Site) -> None:
    invite = Invite(DEAD, host.identity.pin, fronts=("http://127.0.0.1:2", host.url))
    async with volunteering(host.url), reading(invite) as reader:
        assert (await reader.statuses.until("open")).road == "webrtc"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_the_key_is_compared_on_the_second_road_too(host: Host) -> None:
    async with reading(Invite(host.url, bytes(32)), "websocket") as reader:
        assert "another key than the invite says" in (await reader.statuses.until("failed")).detail


async def test_a_second_road_that_leads_nowhere_is_said(host: Host) -> None:
    async with reading(Invite(DEAD, bytes(32)), "websocket") as reader:
        assert "cannot be reached either" in (await reader.statuses.until("waiting")).detail


async def test_no_redirect_leads_a_client_elsewhere(host: Host) -> None:
    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{host.url}/v1/egress")

    async with serving([web.get("/v1/egress", elsewhere)]) as url, http_session() as http:
        with pytest.raises(RendezvousError):
            await Rendezvous(http, [url]).open_egress()


# --- relays ----------------------------------------------------------------------------------------

RELAY = IceServer(["turn:127.0.0.1:1?transport=tcp"], "1", "x")


async def open_road(url: str, road: links.Road, stun: tuple[tuple[str, ...], ...] = ()) -> FoundLink:
    async with http_session() as http:
        return await Links(http, Invite(url, bytes(32), stun=stun), lambda _: None).open(road, lambda: None)


Handler = Callable[[web.Request], Awaitable[web.Response]]


def relays(*servers: dict[str, object]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"version": 1, "ice_servers": list(servers)})

    return handle


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"version": 1, "answer": ANSWER, "bridge": "b"})


async def no_bridge(request: web.Request) -> web.Response:
    await request.read()
    body = {"type": "urn:freespan:problem:no_bridge", "title": "no bridge", "status": 503, "detail": "none"}
    return web.json_response(body, status=503)


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (relays(), "the host has no relay"),
        (relays({"urls": ["turn:127.0.0.1:1?transport=tcp"], "username": "1", "credential": "x"}), "could not be"),
        (relays({"urls": ["nonsense"]}), "not usable"),
        (relays({"urls": []}), "no relay"),
    ],
)
async def test_a_relay_that_is_none(handler: Handler, reason: str) -> None:
    routes = [web.get("/v1/relays", handler), web.post("/v1/rendezvous", answer)]
    async with asyncio.timeout(SECONDS), serving(routes) as url:
        with pytest.raises(LinkError, match=reason):
            await open_road(url, "relay")


async def test_whoever_hears_nothing_by_udp_is_sent_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "network_of", lambda _: Network())
    server = {"urls": ["turn:127.0.0.1:1"], "username": "1", "credential": "x"}
    for handler in (relays(server), relays()):
        routes = [web.get("/v1/relays", handler), web.post("/v1/rendezvous", no_bridge)]
        async with asyncio.timeout(SECONDS), serving(routes) as url:
            with pytest.raises(RoadError, match="UDP does not come through") as caught:
                await open_road(url, "webrtc", (("stun:127.0.0.1:1",), ("stun:127.0.0.1:2",)))
            assert caught.value.closed


# --- what is asked ---------------------------------------------------------------------------------


async def test_the_way_to_the_broker_is_opened_before_there_is_an_offer() -> None:
    connected = asyncio.Event()

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    async def request() -> RendezvousRequest:
        await connected.wait()
        return RendezvousRequest(1, OFFER)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(SECONDS), server, http_session() as http:
        with pytest.raises(RendezvousError):
            await Rendezvous(http, [url]).ask_for_bridge(request)
    assert connected.is_set()


async def test_an_offer_that_fails_is_the_reason_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoOffer(DataChannelLink):
        async def offer(self) -> str:
            raise LinkError("this machine's WebRTC could not make an offer")

    monkeypatch.setattr(links, "DataChannelLink", NoOffer)
    async with asyncio.timeout(SECONDS), serving([web.post("/v1/rendezvous", answer)]) as url:
        with pytest.raises(LinkError, match="could not make an offer"):
            await open_road(url, "webrtc")


async def test_a_request_of_a_client_names_no_program(host: Host) -> None:
    heads: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        heads.append(str(request.headers).lower())
        return await no_bridge(request)

    async def socket(request: web.Request) -> web.Response:
        heads.append(str(request.headers).lower())
        raise web.HTTPNotFound

    routes = [web.post("/v1/rendezvous", handle), web.get("/v1/relays", handle), web.get("/v1/egress", socket)]
    async with serving(routes) as url:
        for road in ("webrtc", "relay", "websocket"):
            with pytest.raises((LinkError, RendezvousError)):
                await open_road(url, road)
    assert len(heads) >= 3
    assert not any(word in head for head in heads for word in ("python", "aiohttp", "freespan", "user-agent"))
