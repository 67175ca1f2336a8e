"""Making one link: by each transport, with a broker that is played and the real WebRTC engine."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp import web

from freespan.client import dialer
from freespan.client.dialer import Dialer
from freespan.client.http_session import http_session
from freespan.client.transports import Transport, TransportError
from freespan.link.datachannel import DataChannelLink
from freespan.wire.errors import LinkError, RendezvousError
from freespan.wire.messages import IceServer, RendezvousAnswer, TurnCredentials
from tests.client.dialing import (
    IMPATIENT,
    STUN,
    all_closed,
    block_stun,
    block_udp,
    dial,
    no_bridge,
    noting_links,
)
from tests.support.invites import invite_to
from tests.support.played_broker import answer_to, broker, offer_in, refuses, turn_servers
from tests.support.serving import serving
from tests.support.whole_path import SECONDS


@pytest.fixture
def stun_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    block_stun(monkeypatch)


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        (turn_servers(), "the host has no TURN server: use another transport"),
        (
            turn_servers({"urls": ["turn:127.0.0.1:1?transport=tcp"], "username": "1", "credential": "x"}),
            "could not be",
        ),
        (turn_servers({"urls": ["turn:127.0.0.1:1"]}), "not usable"),
        (turn_servers({"urls": ["nonsense"]}), "no TURN server"),
        (b'{"version": 1, "ice_servers": [{"urls": []}]}', "no TURN server"),
    ],
)
async def test_turn_servers_that_cannot_be_used(servers: TurnCredentials | bytes, reason: str) -> None:
    routes = broker(of_turn=servers)
    async with asyncio.timeout(SECONDS), serving(routes) as url:
        with pytest.raises(TransportError, match=reason) as caught:
            await dial(url, "turn")
        assert caught.value.is_unusable


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

    async def handle(request: web.Request) -> web.StreamResponse:
        credentials = {"username": "1", "credential": RelayedOffer.good}
        return await answer_to(request, turn_servers({"urls": ["turn:127.0.0.1:1"], **credentials}))

    routes = broker(no_bridge, handle)
    async with asyncio.timeout(SECONDS), serving(routes) as url, http_session() as http:
        ours = Dialer(http, invite_to(url, bytes(32)), IMPATIENT)
        for RelayedOffer.good in ("first", "second"):
            with pytest.raises(RendezvousError):
                await ours.dial("turn")
    assert len(made) == 3  # the second time with the old ones first
    await all_closed(made)


@pytest.mark.parametrize("code", ["no_bridge", "no_reachable_bridge"])
@pytest.mark.usefixtures("stun_blocked")
async def test_where_no_bridge_is_free_for_whoever_finds_udp_blocked_the_transport_is_unusable(code: str) -> None:
    two = (*STUN, ("stun:127.0.0.1:2",))
    async with asyncio.timeout(SECONDS), serving(broker(refuses(code))) as url:
        with pytest.raises(TransportError, match="UDP does not get through") as caught:
            await dial(url, "webrtc", two)
    assert caught.value.is_unusable


async def answer_of_another_link(request: web.Request) -> web.Response:
    """A good answer, of a bridge that is not there."""
    link = DataChannelLink()
    sdp = await link.answer(await offer_in(request))
    link.close()
    return await answer_to(request, RendezvousAnswer(1, sdp, "b"))


@pytest.mark.usefixtures("stun_blocked")
async def test_whoever_finds_udp_blocked_tries_one_bridge_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    block_udp(monkeypatch)
    settings = dataclasses.replace(IMPATIENT, bridge_open_seconds=0.2)
    async with asyncio.timeout(SECONDS), serving(broker(answer_of_another_link)) as url:
        with pytest.raises(TransportError, match="UDP does not get through") as caught:
            await dial(url, "webrtc", STUN, settings)
    assert caught.value.is_unusable


async def test_where_no_bridge_can_be_reached_the_transport_is_unusable() -> None:
    async with asyncio.timeout(SECONDS), serving(broker(refuses("no_reachable_bridge"))) as url:
        with pytest.raises(TransportError, match="none") as caught:
            await dial(url, "webrtc")
    assert caught.value.is_unusable


async def test_an_offer_that_fails_is_the_reason_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoOffer(DataChannelLink):
        async def offer(self, *, patient: bool = False) -> str:
            raise LinkError("this machine's WebRTC could not make an offer")

    monkeypatch.setattr(dialer, "DataChannelLink", NoOffer)
    async with asyncio.timeout(SECONDS), serving(broker()) as url:
        with pytest.raises(TransportError, match="could not make an offer") as caught:
            await dial(url, "webrtc")
        assert caught.value.is_unusable


async def test_an_answer_that_cannot_be_taken_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(DataChannelLink):
        async def accept(self, answer: str, *, keep_remote_relays: bool = True) -> None:
            await asyncio.Event().wait()

    made = noting_links(monkeypatch, Slow)
    async with asyncio.timeout(SECONDS), serving(broker()) as url:
        with pytest.raises(TransportError, match="could not be reached"):
            await dial(url, "webrtc")
    await all_closed(made)


@pytest.mark.usefixtures("stun_blocked")
@pytest.mark.parametrize("transport", ["webrtc", "turn"])
async def test_no_peer_connection_is_left_when_the_broker_does_not_answer(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(IMPATIENT, host_seconds=0.5)
    made = noting_links(monkeypatch, DataChannelLink)

    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def first(request: web.Request) -> web.Response:
        if made:
            await never(request)
        server = turn_servers({"urls": ["turn:127.0.0.1:1"], "username": "1", "credential": "x"})
        return await answer_to(request, server)

    routes = broker(never, first)
    async with asyncio.timeout(SECONDS), serving(routes) as url:
        with pytest.raises((TransportError, RendezvousError)):
            await dial(url, transport, STUN, settings)
    await all_closed(made)


@pytest.mark.parametrize("transport", ["webrtc", "turn"])
async def test_a_host_that_cannot_be_asked_ends_the_gathering_of_candidates(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = asyncio.Event()

    async def gather_for_ever(link: DataChannelLink) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    async def one_turn_server(self: object) -> list[IceServer]:
        return [IceServer(["turn:127.0.0.1:1"], "1", "x")]

    monkeypatch.setattr(DataChannelLink, "offer", gather_for_ever)
    monkeypatch.setattr("freespan.client.rendezvous.Rendezvous.fetch_turn_servers", one_turn_server)
    made = noting_links(monkeypatch, DataChannelLink)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(RendezvousError, match="the host refuses the connection"):
            await dial("http://127.0.0.1:1", transport)
    assert given_up.is_set()
    await all_closed(made)


async def test_a_request_of_a_client_names_no_program() -> None:
    heads: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        heads.append(str(request.headers).lower())
        return await no_bridge(request)

    async def socket(request: web.Request) -> web.Response:
        heads.append(str(request.headers).lower())
        raise web.HTTPNotFound

    routes = [web.post("/v1/rendezvous", handle), web.get("/v1/egress", socket)]
    async with serving(routes) as url:
        for transport in ("webrtc", "turn", "websocket"):
            with pytest.raises((LinkError, RendezvousError)):
                await dial(url, transport)
    assert len(heads) >= 3
    assert all("'accept-encoding': 'identity'" in head for head in heads)
    assert not any(word in head for head in heads for word in ("python", "aiohttp", "freespan", "user-agent"))
