"""From one transport to the next: a client with the real broker, egress and WebRTC engine on a network that blocks."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from aiohttp import web

from freespan.broker.turn import TurnServers
from freespan.client import dialer
from freespan.client.settings import ClientSettings
from freespan.link.datachannel import DataChannelLink
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.errors import LinkError
from freespan.wire.messages import IceServer, RendezvousRequest
from freespan.wire.network import Network
from tests.client.dialing import IMPATIENT, STUN, block_stun, block_udp
from tests.support.invites import invite_to
from tests.support.played_broker import asked_in, broker, refuses
from tests.support.serving import serving
from tests.support.site import SMALL, Site
from tests.support.whole_path import SECONDS, Host, RunningClient, running_bridge, running_client, running_host

DEAD = "http://127.0.0.1:1"
STRICT = dataclasses.replace(IMPATIENT, bridge_networks_min=2)
"""For a client that is as hard to drive away from bridges as it is by default; on loopback, all share a network."""
WILLING = dataclasses.replace(STRICT, allow_direct=True)
HINT = "--allow-direct"


# --- the WebSocket ---------------------------------------------------------------------------------


async def test_when_no_bridge_can_be_reached_the_session_takes_the_websocket(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_udp(monkeypatch)
    async with (
        running_bridge(host.url),
        running_bridge(host.url),
        running_client(host.invite, settings=IMPATIENT) as reader,
    ):
        opened = await reader.statuses.until("open")
        assert opened.transport == "websocket"
        assert "straight to the host" in opened.detail
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_when_the_only_bridge_cannot_be_reached_the_session_takes_the_websocket(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_udp(monkeypatch)
    async with running_bridge(host.url), running_client(host.invite, settings=IMPATIENT) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_bridge_that_could_not_be_reached_is_not_asked_again(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_udp(monkeypatch)
    async with running_bridge(host.url), running_client(host.invite, "webrtc", settings=IMPATIENT) as reader:
        waiting = await reader.statuses.until("waiting")
        while "no bridge" in waiting.detail:  # asked before this one had joined
            waiting = await reader.statuses.until("waiting")
        assert "could not be reached" in waiting.detail
        await reader.statuses.until("looking")
        assert "no bridge is free" in (await reader.statuses.until("waiting")).detail


async def test_the_websocket_through_a_front(host: Host, site: Site) -> None:
    invite = host.invite_to(DEAD, fronts=(host.url,))
    async with running_client(invite, "websocket", settings=IMPATIENT) as reader:
        assert (await reader.statuses.until("open")).transport == "front"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_bridge_is_found_through_a_front(host: Host, site: Site) -> None:
    invite = host.invite_to(DEAD, fronts=("http://127.0.0.1:2", host.url))
    async with running_bridge(host.url), running_client(invite, settings=IMPATIENT) as reader:
        assert (await reader.statuses.until("open")).transport == "webrtc"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_the_key_is_compared_over_the_websocket_too(host: Host) -> None:
    async with running_client(host.invite_to(host.url, bytes(32)), "websocket", settings=IMPATIENT) as reader:
        assert "another key than the invite says" in (await reader.statuses.until("failed")).detail


async def test_a_websocket_that_leads_nowhere_is_reported(host: Host) -> None:
    async with running_client(invite_to(DEAD, bytes(32)), "websocket", settings=IMPATIENT) as reader:
        assert "the host refuses the connection" in (await reader.statuses.until("waiting")).detail


async def silent(request: web.Request) -> web.WebSocketResponse:
    """Takes a WebSocket, and then nothing comes back."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket


def over_websocket(
    host: Host, own: str, settings: ClientSettings = IMPATIENT
) -> contextlib.AbstractAsyncContextManager[RunningClient]:
    """A client for whom the host is a front of another address."""
    return running_client(host.invite_to(own, fronts=(host.url,)), "websocket", settings)


async def test_an_address_that_takes_sockets_and_serves_none_is_left_for_a_front(host: Host, site: Site) -> None:
    settings = dataclasses.replace(IMPATIENT, tunnel=TunnelSettings(handshake_seconds=0.5))
    async with serving([web.get("/v1/egress", silent)]) as url, over_websocket(host, url, settings) as reader:
        assert (await reader.statuses.until("open")).transport == "front"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_an_address_that_leads_to_another_egress_is_left_as_well(host: Host) -> None:
    async with running_host() as other, over_websocket(host, other.url) as reader:
        assert (await reader.statuses.until("open")).transport == "front"


async def test_an_address_where_sessions_do_not_last_comes_last(host: Host) -> None:
    async with running_host(identity=host.identity) as other, over_websocket(host, other.url) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"
        other.egress.close()
        assert (await reader.statuses.until("open")).transport == "front"


@pytest.mark.parametrize("kind", ["no offer", "no servers"])
async def test_where_webrtc_does_not_work_the_websocket_does_for_whoever_has_said_yes(
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
    async with running_client(host.invite, settings=WILLING) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"


# --- bridges that would drive readers away ---------------------------------------------------------


async def kept(reader: RunningClient, word: str) -> None:
    """The client stays without a session, names its reason, and says what its reader could choose."""
    while not (HINT in (waiting := await reader.statuses.until("waiting")).detail and word in waiting.detail):
        pass
    assert HINT not in waiting.reason
    assert not any(status.state == "open" for status in reader.statuses.all)


async def test_bridges_of_one_network_drive_nobody_to_the_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    block_udp(monkeypatch)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(running_bridge(host.url))
        await host.until(bridges=4)
        reader = await stack.enter_async_context(running_client(host.invite, settings=STRICT))
        await kept(reader, "no bridge is free")  # all of them have failed


async def test_bridges_that_fail_in_two_networks_are_left(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_udp(monkeypatch)
    networks = iter("ab")
    monkeypatch.setattr(dialer, "networks_of", lambda *_: frozenset({f"4 {next(networks)}"}))
    async with (
        running_bridge(host.url),
        running_bridge(host.url),
        running_client(host.invite, settings=STRICT) as reader,
    ):
        assert (await reader.statuses.until("open")).transport == "websocket"
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_one_silent_stun_server_drives_nobody_to_the_host(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    block_stun(monkeypatch)
    async with running_client(host.invite_to(host.url, stun=STUN), settings=STRICT) as reader:
        await kept(reader, "UDP does not get through")


async def test_two_silent_stun_servers_are_enough(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    block_stun(monkeypatch)
    stun = (*STUN, ("stun:127.0.0.1:2",))
    async with running_client(host.invite_to(host.url, stun=stun), settings=STRICT) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"


async def test_where_no_bridge_is_free_the_client_waits_and_whoever_has_said_yes_goes_on(host: Host) -> None:
    async with running_client(host.invite, settings=STRICT) as reader:
        await kept(reader, "no bridge is free")
    async with running_client(host.invite, settings=WILLING) as reader:
        assert (await reader.statuses.until("open")).transport == "websocket"


async def test_that_no_bridge_can_be_reached_is_tried_and_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A front could invent it, and bridges that claim strange networks could bring it about."""
    monkeypatch.setattr(dialer, "network_of", lambda _: Network("symmetric"))
    wanted: list[Network | None] = []

    async def refuse(request: web.Request) -> web.StreamResponse:
        asked = await asked_in(request)
        assert isinstance(asked, RendezvousRequest)
        wanted.append(asked.network)
        return await refuses("no_reachable_bridge")(request)

    async with (
        serving(broker(refuse)) as url,
        running_client(invite_to(url, bytes(32), stun=STUN), settings=STRICT) as reader,
    ):
        await kept(reader, "none")
    assert wanted[:3] == [Network("symmetric"), None, None]


# --- UDP that is blocked in part --------------------------------------------------------------------


def front_of(host: Host, turn_servers: TurnServers) -> list[web.RouteDef]:
    """The host, with other TURN servers."""
    host.broker.requests._turn_servers = turn_servers
    return [
        web.post("/v1/rendezvous", host.broker.requests.handle),
        web.get("/v1/egress", host.egress.handle_link),
    ]


async def test_where_stun_alone_is_blocked_an_open_bridge_is_reached_and_no_turn_server_asked_for(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_stun(monkeypatch)
    asked: list[float] = []

    class Noted(TurnServers):
        def credentials(self, now: float) -> list[IceServer]:
            asked.append(now)
            return super().credentials(now)

    servers = Noted(["turn:127.0.0.1:1?transport=udp"], "north")
    async with running_bridge(host.url), serving(front_of(host, servers)) as url:
        await host.until(bridges=1)
        (bridge,) = host.broker.matching._bridges
        host.broker.matching.report_network(bridge, Network("open"))
        async with running_client(host.invite_to(url, stun=STUN), settings=IMPATIENT) as reader:
            assert (await reader.statuses.until("open")).transport == "webrtc"
    assert not asked


async def test_a_transport_that_has_become_unusable_is_left(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UDP is blocked from some moment on, so no bridge could help a session that has lost the one it had."""
    monkeypatch.setattr(dialer, "network_of", lambda _: Network("open"))
    settings = dataclasses.replace(IMPATIENT, session_wait_seconds=0.2)
    stun = (*STUN, ("stun:127.0.0.1:2",))
    async with running_client(host.invite_to(host.url, stun=stun), settings=settings) as reader:
        async with running_bridge(host.url), running_bridge(host.url):
            await reader.statuses.until("open", transport="webrtc", links=2)
            block_stun(monkeypatch)
        await reader.statuses.until("waiting", transport="webrtc")
        assert "the host cannot be reached any more" in (await reader.statuses.until("looking")).detail
        await reader.statuses.until("open", transport="websocket")
        assert (await reader.ask(site.port)).endswith(SMALL)


# --- a bridge that has a TURN server ---------------------------------------------------------------


class BridgeWithTurn(DataChannelLink):
    """Takes the bridge's addresses for those of a relay."""

    async def accept(self, answer: str, *, keep_remote_relays: bool = True) -> None:
        await super().accept(
            answer.replace("typ host", "typ relay raddr 0.0.0.0 rport 9"), keep_remote_relays=keep_remote_relays
        )


async def test_a_session_through_a_bridge_s_turn_server_is_reported_as_one(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The TURN server is the host's, so its tickets are for sessions through TURN alone."""
    monkeypatch.setattr(dialer, "DataChannelLink", BridgeWithTurn)
    async with running_bridge(host.url), running_client(host.invite, settings=IMPATIENT) as reader:
        opened = await reader.statuses.until("open")
        assert opened.transport == "turn"
        assert "through the host's TURN server" in opened.detail
        assert list(reader.client._ticket_jars) == ["turn"]


async def test_whoever_wants_no_turn_server_gets_none_of_a_bridge_s(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge's checks come through it all the same, though nobody has told its address."""
    monkeypatch.setattr(dialer, "DataChannelLink", BridgeWithTurn)
    settings = dataclasses.replace(IMPATIENT, bridge_open_seconds=SECONDS)
    async with running_bridge(host.url), running_client(host.invite, "webrtc", settings) as reader:
        while "through a TURN server only" not in (await reader.statuses.until("waiting")).detail:
            pass
        assert not any(status.state == "open" for status in reader.statuses.all)
