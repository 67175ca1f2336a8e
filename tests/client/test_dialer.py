"""The transports of a client, each with the real broker, egress and WebRTC engine; a network that blocks is played."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

from freespan.client import client, dialer, rendezvous
from freespan.client.dialer import DialedLink, Dialer, TransportError, http_session
from freespan.client.rendezvous import Rendezvous
from freespan.client.transports import Transport
from freespan.link import gathering
from freespan.link.datachannel import DataChannelLink
from freespan.tunnel import client as tunnel_client
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.backoff import Backoff
from freespan.wire.errors import LinkError, RendezvousError
from freespan.wire.invite import Invite
from freespan.wire.messages import IceServer, RendezvousRequest
from freespan.wire.network import Network
from tests.support.path import SECONDS, Host, Reader, hosting, reading, volunteering
from tests.support.sdp import ANSWER, OFFER
from tests.support.serving import serving
from tests.support.site import SMALL, Site

DEAD = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long before the next try, for candidates, nor for a channel that will not open."""
    monkeypatch.setattr(client, "Backoff", functools.partial(Backoff, first=0.02, longest=0.1))
    monkeypatch.setitem(dialer._OPEN_SECONDS, "webrtc", 0.5)
    monkeypatch.setattr(gathering, "_SECONDS", 0.1)
    monkeypatch.setattr(gathering, "_RELAY_SECONDS", 0.1)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with asyncio.timeout(4 * SECONDS), hosting() as host:
        yield host


class UdpBlockedLink(DataChannelLink):
    """A peer connection whose packets all get lost."""

    async def opened(self) -> None:
        await asyncio.Event().wait()


def blocks_udp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialer, "DataChannelLink", UdpBlockedLink)


# --- the WebSocket ---------------------------------------------------------------------------------


async def test_when_no_bridge_can_be_reached_the_session_takes_the_second_road(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_udp(monkeypatch)
    async with volunteering(host.url), volunteering(host.url), reading(host.invite) as reader:
        opened = await reader.statuses.until("open")
        assert opened.transport == "websocket"
        assert "straight to the host" in opened.detail
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_when_the_only_bridge_cannot_be_reached_the_session_takes_the_second_road(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks_udp(monkeypatch)
    async with volunteering(host.url), reading(host.invite) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"
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
        assert (await reader.statuses.until("open")).transport == "front"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_bridge_is_found_through_a_front(host: Host, site: Site) -> None:
    invite = Invite(DEAD, host.identity.pin, fronts=("http://127.0.0.1:2", host.url))
    async with volunteering(host.url), reading(invite) as reader:
        assert (await reader.statuses.until("open")).transport == "webrtc"
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


async def silent(request: web.Request) -> web.WebSocketResponse:
    """Takes a WebSocket, and then nothing comes back."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket


def second_road(host: Host, own: str) -> contextlib.AbstractAsyncContextManager[Reader]:
    """A client for whom the host is a front of another address."""
    return reading(Invite(own, host.identity.pin, fronts=(host.url,)), "websocket")


async def test_an_address_that_takes_sockets_and_serves_none_does_not_hold_the_second_road(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = functools.partial(tunnel_client.ClientTunnel, settings=TunnelSettings(handshake_seconds=0.5))
    monkeypatch.setattr(tunnel_client, "ClientTunnel", impatient)
    async with serving([web.get("/v1/egress", silent)]) as url, second_road(host, url) as reader:
        assert (await reader.statuses.until("open")).transport == "front"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_an_address_that_leads_to_another_egress_does_not_hold_it_either(host: Host) -> None:
    async with hosting() as other, second_road(host, other.url) as reader:
        assert (await reader.statuses.until("open")).transport == "front"


async def test_an_address_where_sessions_do_not_last_comes_last(host: Host) -> None:
    async with hosting(identity=host.identity) as other, second_road(host, other.url) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"
        other.egress.close()
        assert (await reader.statuses.until("open")).transport == "front"


@pytest.mark.parametrize("kind", ["no offer", "no servers"])
async def test_where_webrtc_does_not_work_the_second_road_does(
    host: Host, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(DataChannelLink):
        def __init__(self, *args: Any, **options: Any) -> None:
            if kind == "no servers":
                raise LinkError("the host's STUN and TURN servers are not usable")
            super().__init__(*args, **options)

        async def offer(self, *, patient: bool = False) -> str:
            raise LinkError("this machine's WebRTC could not make an offer")

    monkeypatch.setattr(dialer, "DataChannelLink", Broken)
    async with reading(host.invite) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"


# --- relays ----------------------------------------------------------------------------------------

RELAY = IceServer(["turn:127.0.0.1:1?transport=tcp"], "1", "x")


async def open_road(url: str, transport: Transport, stun: tuple[tuple[str, ...], ...] = ()) -> DialedLink:
    async with http_session() as http:
        return await Dialer(http, Invite(url, bytes(32), stun=stun), lambda _: None).open(transport, lambda: None)


Handler = Callable[[web.Request], Awaitable[web.Response]]


def relays(*servers: dict[str, object]) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"version": 1, "ice_servers": list(servers)})

    return handle


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.json_response({"version": 1, "answer": ANSWER, "bridge": "b"})


async def answer_of_another_link(request: web.Request) -> web.Response:
    """A good answer, of a bridge that is not there."""
    link = DataChannelLink()
    sdp = await link.answer((await request.json())["offer"])
    link.close()
    return web.json_response({"version": 1, "answer": sdp, "bridge": "b"})


def refuses(code: str) -> Handler:
    async def handle(request: web.Request) -> web.Response:
        await request.read()
        body = {"type": f"urn:freespan:problem:{code}", "title": code, "status": 503, "detail": "none"}
        return web.json_response(body, status=503)

    return handle


no_bridge = refuses("no_bridge")


def noting_links(monkeypatch: pytest.MonkeyPatch, kind: type[DataChannelLink]) -> list[DataChannelLink]:
    """All links that are made from now on."""
    made: list[DataChannelLink] = []

    def make(*args: Any, **options: Any) -> DataChannelLink:
        made.append(kind(*args, **options))
        return made[-1]

    monkeypatch.setattr(dialer, "DataChannelLink", make)
    return made


async def all_closed(made: list[DataChannelLink]) -> None:
    await asyncio.sleep(0)
    assert made
    for link in made:
        with pytest.raises(LinkError):
            await link.opened()


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (relays(), "the host has no relay"),
        (relays({"urls": ["turn:127.0.0.1:1?transport=tcp"], "username": "1", "credential": "x"}), "could not be"),
        (relays({"urls": ["turn:127.0.0.1:1"]}), "not usable"),
        (relays({"urls": ["nonsense"]}), "no relay"),
        (relays({"urls": []}), "no relay"),
    ],
)
async def test_a_relay_that_is_none(handler: Handler, reason: str) -> None:
    routes = [web.get("/v1/turn", handler), web.post("/v1/rendezvous", answer)]
    async with asyncio.timeout(SECONDS), serving(routes) as url:
        with pytest.raises(TransportError, match=reason) as caught:
            await open_road(url, "turn")
        assert caught.value.closed


class RelayedOffer(DataChannelLink):
    """Says that it has a candidate at the relay, while the relay takes its credentials."""

    good = ""

    def __init__(self, servers: Sequence[IceServer] = (), **options: Any) -> None:
        super().__init__(servers, **options)
        self._is_let_in = servers[0].credential == self.good

    async def offer(self, *, patient: bool = False) -> str:
        offer = await super().offer()
        relayed = "a=candidate:1 1 udp 1 127.0.0.1 9 typ relay raddr 0.0.0.0 rport 0\r\n"
        return offer + relayed if self._is_let_in else offer


async def test_credentials_that_have_run_out_are_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a machine sleeps, so does its clock, and they seem younger than they are."""
    made = noting_links(monkeypatch, RelayedOffer)

    async def handle(request: web.Request) -> web.Response:
        return await relays({"urls": ["turn:127.0.0.1:1"], "username": "1", "credential": RelayedOffer.good})(request)

    routes = [web.get("/v1/turn", handle), web.post("/v1/rendezvous", no_bridge)]
    async with asyncio.timeout(SECONDS), serving(routes) as url, http_session() as http:
        ours = Dialer(http, Invite(url, bytes(32)), lambda _: None)
        for RelayedOffer.good in ("first", "second"):
            with pytest.raises(RendezvousError):
                await ours.open("turn", lambda: None)
    assert len(made) == 3  # the second time with the old ones first
    await all_closed(made)


# --- whoever hears nothing by UDP --------------------------------------------------------------------

STUN = (("stun:127.0.0.1:1",),)


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> None:
    """No STUN server answers."""
    monkeypatch.setattr(dialer, "network_of", lambda _: Network())


def front_of(host: Host, handler: Handler) -> list[web.RouteDef]:
    """The host, with other relays."""
    return [
        web.post("/v1/rendezvous", host.broker.rendezvous.handle_rendezvous),
        web.get("/v1/turn", handler),
        web.get("/v1/egress", host.egress.handle_link),
    ]


@pytest.mark.usefixtures("mute")
async def test_where_stun_alone_is_blocked_an_open_bridge_is_reached_and_no_relay_asked_for(
    host: Host,
) -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return await relays({"urls": ["turn:127.0.0.1:1"], "username": "1", "credential": "x"})(request)

    async with volunteering(host.url), serving(front_of(host, handle)) as url:
        await host.until(bridges=1)
        (bridge,) = host.broker.matching._bridges
        host.broker.matching.report_network(bridge, Network("open"))
        async with reading(Invite(url, host.identity.pin, stun=STUN)) as reader:
            assert (await reader.statuses.until("open")).transport == "webrtc"
    assert not asked


@pytest.mark.parametrize("code", ["no_bridge", "no_reachable_bridge"])
@pytest.mark.usefixtures("mute")
async def test_where_no_bridge_is_for_the_mute_the_road_is_closed(code: str) -> None:
    two = (*STUN, ("stun:127.0.0.1:2",))
    async with asyncio.timeout(SECONDS), serving([web.post("/v1/rendezvous", refuses(code))]) as url:
        with pytest.raises(TransportError, match="UDP does not come through") as caught:
            await open_road(url, "webrtc", two)
    assert caught.value.closed


@pytest.mark.usefixtures("mute")
async def test_the_mute_try_one_bridge_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks_udp(monkeypatch)
    monkeypatch.setitem(dialer._OPEN_SECONDS, "webrtc", 0.2)
    async with asyncio.timeout(SECONDS), serving([web.post("/v1/rendezvous", answer_of_another_link)]) as url:
        with pytest.raises(TransportError, match="UDP does not come through") as caught:
            await open_road(url, "webrtc", STUN)
    assert caught.value.closed


async def test_where_no_bridge_fits_the_road_is_closed() -> None:
    async with asyncio.timeout(SECONDS), serving([web.post("/v1/rendezvous", refuses("no_reachable_bridge"))]) as url:
        with pytest.raises(TransportError, match="none") as caught:
            await open_road(url, "webrtc")
    assert caught.value.closed


# --- a bridge that has a relay ---------------------------------------------------------------------


class RelayedBridge(DataChannelLink):
    """Takes the bridge's addresses for those of a relay."""

    async def accept(self, answer: str, *, relays: bool = True) -> None:
        await super().accept(answer.replace("typ host", "typ relay raddr 0.0.0.0 rport 9"), relays=relays)


async def test_a_session_through_a_bridge_s_relay_is_said_to_be_one(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay is the host's, so its tickets are for sessions by relay alone."""
    monkeypatch.setattr(dialer, "DataChannelLink", RelayedBridge)
    async with volunteering(host.url), reading(host.invite) as reader:
        opened = await reader.statuses.until("open")
        assert opened.transport == "turn"
        assert "by way of the host's relay" in opened.detail
        assert list(reader.client._jars) == ["turn"]


async def test_whoever_wants_no_relay_gets_none_of_a_bridge_s(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bridge's checks come through it all the same, though nobody has told its address."""
    monkeypatch.setattr(dialer, "DataChannelLink", RelayedBridge)
    monkeypatch.setitem(dialer._OPEN_SECONDS, "webrtc", SECONDS)
    async with volunteering(host.url), reading(host.invite, "webrtc") as reader:
        while "only the host's relay" not in (await reader.statuses.until("waiting")).detail:
            pass
        assert not any(status.state == "open" for status in reader.statuses.all)


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
        async def offer(self, *, patient: bool = False) -> str:
            raise LinkError("this machine's WebRTC could not make an offer")

    monkeypatch.setattr(dialer, "DataChannelLink", NoOffer)
    async with asyncio.timeout(SECONDS), serving([web.post("/v1/rendezvous", answer)]) as url:
        with pytest.raises(TransportError, match="could not make an offer") as caught:
            await open_road(url, "webrtc")
        assert caught.value.closed


async def test_an_answer_that_cannot_be_taken_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(DataChannelLink):
        async def accept(self, answer: str, *, relays: bool = True) -> None:
            await asyncio.Event().wait()

    made = noting_links(monkeypatch, Slow)
    async with asyncio.timeout(SECONDS), serving([web.post("/v1/rendezvous", answer)]) as url:
        with pytest.raises(TransportError, match="could not be reached"):
            await open_road(url, "webrtc")
    await all_closed(made)


@pytest.mark.usefixtures("mute")
@pytest.mark.parametrize("transport", ["webrtc", "turn"])
async def test_no_peer_connection_is_left_when_the_broker_does_not_answer(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendezvous, "HOST_SECONDS", 0.5)
    made = noting_links(monkeypatch, DataChannelLink)

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def first(request: web.Request) -> web.Response:
        if made:
            await never(request)
        return await relays({"urls": ["turn:127.0.0.1:1"], "username": "1", "credential": "x"})(request)

    routes = [web.post("/v1/rendezvous", never), web.get("/v1/turn", first)]
    async with asyncio.timeout(SECONDS), serving(routes) as url:
        with pytest.raises((TransportError, RendezvousError)):
            await open_road(url, transport, STUN)
    await all_closed(made)


async def test_a_request_of_a_client_names_no_program(host: Host) -> None:
    heads: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        heads.append(str(request.headers).lower())
        return await no_bridge(request)

    async def socket(request: web.Request) -> web.Response:
        heads.append(str(request.headers).lower())
        raise web.HTTPNotFound

    routes = [web.post("/v1/rendezvous", handle), web.get("/v1/turn", handle), web.get("/v1/egress", socket)]
    async with serving(routes) as url:
        for transport in ("webrtc", "turn", "websocket"):
            with pytest.raises((LinkError, RendezvousError)):
                await open_road(url, transport)
    assert len(heads) >= 3
    assert all("'accept-encoding': 'identity'" in head for head in heads)
    assert not any(word in head for head in heads for word in ("python", "aiohttp", "freespan", "user-agent"))
