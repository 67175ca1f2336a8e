"""The client: it finds a session, keeps one, begins anew, and knows when trying again cannot help."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from freespan.broker import sealed_requests
from freespan.broker.settings import BrokerSettings
from freespan.client import client as client_module
from freespan.client.dialer import DialedLink, Dialer
from freespan.egress.settings import EgressSettings
from freespan.link.bond.events import FULL
from freespan.link.datachannel import DataChannelLink
from freespan.sources.rate import Rate
from freespan.tunnel import client as tunnel_client
from freespan.tunnel.driver import HOST_FULL
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.backoff import Backoff
from freespan.wire.errors import RendezvousError, StreamError
from freespan.wire.limits import MESSAGE_MAX
from freespan.wire.messages import Asked, RendezvousAnswer, RendezvousRequest, decode_asked
from tests.support.invites import invite_to
from tests.support.played_broker import broker
from tests.support.sdp import ANSWER
from tests.support.serving import serving
from tests.support.site import SMALL, Site
from tests.support.whole_path import QUICK, SECONDS, Host, running_bridge, running_client, running_host


async def test_a_session_opens_and_tells_how_long_each_part_took(host: Host, site: Site) -> None:
    async with running_bridge(host.url) as helper, running_client(host.invite, settings=QUICK) as reader:
        opened = await reader.statuses.until("open")
        assert [status.state for status in reader.statuses.all][-3:] == ["looking", "connecting", "open"]
        assert list(opened.seconds) == ["offer", "rendezvous", "channel", "handshake"]
        assert all(0 <= seconds < SECONDS for seconds in opened.seconds.values())
        assert (await reader.ask(site.port)).endswith(SMALL)
        await helper.statuses.until("helping", now=1)
    await host.until(sessions=0, bridges=0)


async def test_no_bridge_is_no_failure(host: Host, site: Site) -> None:
    async with running_client(host.invite, settings=QUICK) as reader:
        waiting = await reader.statuses.until("waiting")
        assert waiting.detail == "no bridge is free right now; trying again"
        assert waiting.reason == "no bridge is free right now"
        await reader.statuses.until("waiting")
        async with running_bridge(host.url):
            await reader.statuses.until("open")
            assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_broker_that_comes_later(site: Site) -> None:
    async with running_host() as host:
        port, identity, invite = host.port, host.identity, host.invite
    async with running_client(invite, settings=QUICK) as reader:
        waiting = await reader.statuses.until("waiting")
        assert "the host refuses the connection" in waiting.detail
        assert waiting.cause == "refused"
        async with running_host(port, identity) as host, running_bridge(host.url):
            await reader.statuses.until("open")
            assert (await reader.ask(site.port)).endswith(SMALL)


async def test_the_wait_is_as_long_as_the_broker_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    succeeded = asyncio.Event()

    class Watched(Backoff):
        def failed(self, at_least: float = 0.0) -> float:
            asked.append(at_least)
            return 0.01

        def succeeded(self) -> None:
            succeeded.set()

    monkeypatch.setattr(client_module, "Backoff", Watched)
    patient = BrokerSettings(retry_after_seconds=7)
    async with running_host(broker=patient) as host, running_client(host.invite, settings=QUICK) as reader:
        await reader.statuses.until("waiting")
        assert asked[0] == 7
        async with running_bridge(host.url):
            await reader.statuses.until("open")
        await reader.statuses.until("waiting")
        assert asked[-1] == 7
        assert not succeeded.is_set()  # a bridge that leaves at once proves nothing


async def test_a_session_that_held_lets_the_waits_begin_anew(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    succeeded = asyncio.Event()

    class Watched(Backoff):
        def succeeded(self) -> None:
            succeeded.set()

    monkeypatch.setattr(client_module, "Backoff", Watched)
    settings = dataclasses.replace(QUICK, steady_seconds=0.0)
    async with running_client(host.invite, settings=settings) as reader:
        async with running_bridge(host.url):
            await reader.statuses.until("open")
        await asyncio.wait_for(succeeded.wait(), SECONDS)


async def test_an_egress_with_another_key(host: Host, site: Site) -> None:
    async with running_bridge(host.url), running_client(host.invite_to(host.url, bytes(32)), settings=QUICK) as reader:
        failed = await reader.statuses.until("failed")
        assert "another key than the invite says" in failed.detail
        async with running_client(host.invite, settings=QUICK) as other:
            assert (await other.ask(site.port)).endswith(SMALL)


@pytest.fixture
def blamed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the reports that bridges and endpoints get a cooldown for."""
    names: list[str] = []

    def note(name: str) -> None:
        report = getattr(Dialer, name)

        def noted(dialer: Dialer, dialed: DialedLink) -> None:
            names.append(name)
            report(dialer, dialed)

        monkeypatch.setattr(Dialer, name, noted)

    note("report_failure")
    note("report_short_lived")
    return names


async def test_no_bridge_is_blamed_for_a_key_that_may_be_the_host_s(host: Host, blamed: list[str]) -> None:
    invite = host.invite_to(host.url, bytes(32))
    async with running_bridge(host.url), running_client(invite, "webrtc", QUICK) as reader:
        await reader.statuses.until("failed")
    assert blamed == []


async def test_no_bridge_is_blamed_when_a_full_host_ends_the_session(host: Host, blamed: list[str]) -> None:
    async with running_bridge(host.url), running_client(host.invite, "webrtc", QUICK) as reader:
        await reader.statuses.until("open")
        await host.until(sessions=1)
        for session in list(host.egress._sessions._by_id.values()):
            session.tunnel.shed("too many")
        looking = await reader.statuses.until("looking")
        assert HOST_FULL in looking.detail
        await reader.statuses.until("open")
    assert blamed == []


async def test_no_bridge_counts_as_failed_while_the_host_takes_no_handshakes(blamed: list[str]) -> None:
    none = EgressSettings(handshakes_in_all=Rate(per_second=0.01, burst=0.5))
    settings = dataclasses.replace(QUICK, bridge_networks_min=1)
    async with (
        running_host(egress=none) as host,
        running_bridge(host.url),
        running_client(host.invite, settings=settings) as reader,
    ):
        told = 0
        while told < 2:
            told += FULL in (await reader.statuses.until("waiting")).detail
            assert not reader.client._evidence.is_enough(time.monotonic())
    assert "report_failure" not in blamed


async def test_what_fails_after_wrong_keys_is_not_reported_as_failed() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running_host() as host:
            reader = await stack.enter_async_context(
                running_client(host.invite_to(host.url, bytes(32)), "websocket", settings=QUICK)
            )
            await reader.statuses.until("failed")
        async with asyncio.timeout(SECONDS):
            while not (unreachable := [one for one in reader.statuses.all if one.cause == "refused"]):
                await asyncio.sleep(0.01)
        assert {status.state for status in unreachable} == {"waiting"}


async def test_a_broker_of_another_version() -> None:
    async with (
        serving(broker(RendezvousAnswer(2, "x"))) as url,
        running_client(invite_to(url, bytes(32)), settings=QUICK) as reader,
    ):
        failed = await reader.statuses.until("failed")
        assert "update" in failed.detail
        assert isinstance(await reader.outcome(), RendezvousError)


async def test_a_request_waits_for_a_session_but_not_for_ever(host: Host) -> None:
    async with running_client(host.invite, settings=QUICK) as reader:
        with pytest.raises(StreamError) as caught:
            await reader.client.tunnel(0.05)
        assert caught.value.status.error == "destination_unavailable"
        assert caught.value.status.http_status == 503
        waiting = asyncio.create_task(reader.client.tunnel(SECONDS), name="request")
        async with running_bridge(host.url):
            assert not (await waiting).is_over


async def test_when_the_bridge_leaves_another_one_is_found(host: Host, site: Site) -> None:
    async with running_client(host.invite, settings=QUICK) as reader:
        async with running_bridge(host.url):
            await reader.statuses.until("open")
            tunnel = await reader.client.tunnel(SECONDS)
        looking = await reader.statuses.until("looking")
        assert looking.detail.startswith("the session ended (")
        assert tunnel.is_over
        async with running_bridge(host.url):
            await reader.statuses.until("open")
            assert (await reader.ask(site.port)).endswith(SMALL)


async def test_the_next_session_speaks_in_its_first_flight(
    host: Host, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    early: list[bool] = []
    begin = tunnel_client.ClientTunnel.begin

    def noted(session: tunnel_client.ClientTunnel) -> bool:
        early.append(begin(session))
        return early[-1]

    monkeypatch.setattr(tunnel_client.ClientTunnel, "begin", noted)
    async with running_bridge(host.url), running_client(host.invite, settings=QUICK) as reader:
        for _ in range(2):
            await reader.statuses.until("open")
            assert (await reader.ask(site.port)).endswith(SMALL)
            host.egress.close()
    assert early == [False, True]


async def test_no_ticket_joins_what_was_done_by_two_transports(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    jars: list[object] = []
    make = tunnel_client.ClientTunnel.__init__

    def noted(session: tunnel_client.ClientTunnel, *args: Any) -> None:
        jars.append(args[2])
        make(session, *args)

    monkeypatch.setattr(tunnel_client.ClientTunnel, "__init__", noted)
    willing = dataclasses.replace(QUICK, allow_direct=True)
    async with running_client(host.invite, settings=willing) as reader:
        async with running_bridge(host.url):
            await reader.statuses.until("open")
            for _ in range(2):  # whoever moves on does so after two failures
                reader.client._transports.failed(time.monotonic(), is_unusable=True)
        assert (await reader.statuses.until("open")).transport == "websocket"
    assert len(set(map(id, jars))) == len(jars) == 2


async def test_when_the_egress_stops_the_client_looks_again(host: Host, site: Site) -> None:
    async with running_bridge(host.url), running_client(host.invite, settings=QUICK) as reader:
        await reader.statuses.until("open")
        host.egress.close()
        await reader.statuses.until("looking")
        await reader.statuses.until("open")
        assert (await reader.ask(site.port)).endswith(SMALL)


async def test_a_bridge_that_holds_no_session_gets_a_cooldown_and_drives_nobody_away(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But where no other is free, it is better than none."""
    avoided: list[int] = []

    def noted(body: bytes) -> Asked:
        request = decode_asked(body)
        assert isinstance(request, RendezvousRequest)
        avoided.append(len(request.avoid))
        return request

    monkeypatch.setattr(sealed_requests, "decode_asked", noted)
    async with running_bridge(host.url), running_client(host.invite, settings=QUICK) as reader:
        await reader.statuses.until("open")
        avoided.clear()
        for _ in range(3):
            host.egress.close()
            assert (await reader.statuses.until("open")).transport == "webrtc"
    assert avoided == [1, 0] * 3


async def test_several_clients_share_a_bridge(host: Host, site: Site) -> None:
    async with running_bridge(host.url, capacity=3) as helper, contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(running_client(host.invite, settings=QUICK)) for _ in range(3)]
        answers = await asyncio.gather(*(reader.ask(site.port) for reader in readers))
        assert all(answer.endswith(SMALL) for answer in answers)
        await helper.statuses.until("helping", now=3)
        async with running_client(host.invite, settings=QUICK) as fourth:
            await fourth.statuses.until("waiting")
        assert (await readers[0].ask(site.port)).endswith(SMALL)


async def test_stopping_ends_the_session_at_once(host: Host) -> None:
    async with running_bridge(host.url) as helper:
        async with running_client(host.invite, settings=QUICK) as reader:
            await reader.statuses.until("open")
        await host.until(sessions=0)
        await helper.statuses.until("waiting")


# --- bridges that do not keep the rules ------------------------------------------------------------


Misconduct = Callable[[DataChannelLink], None]
CHANCE = random.Random(3)


class Rogue:
    """A bridge that answers offers and then does as it likes, with no egress behind it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, misconduct: Misconduct) -> None:
        self.met = 0
        self._socket = socket
        self._misconduct = misconduct
        self._links: list[DataChannelLink] = []

    async def run(self) -> None:
        try:
            while True:
                offer = await self._socket.receive_json()
                if offer["type"] != "offer":
                    continue
                link = DataChannelLink()
                self._links.append(link)
                answer = await link.answer(offer["sdp"])
                await self._socket.send_json({"type": "answer", "id": offer["id"], "sdp": answer})
                await link.wait_opened()
                self.met += 1
                self._misconduct(link)
        finally:
            for link in self._links:
                link.close()


@contextlib.asynccontextmanager
async def rogue(host: Host, misconduct: Misconduct) -> AsyncIterator[Rogue]:
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{host.url}/v1/bridge")
        await socket.send_json({"type": "hello", "version": 1, "capacity": 1})
        bridge = Rogue(socket, misconduct)
        running = asyncio.create_task(bridge.run(), name="rogue")
        try:
            yield bridge
        finally:
            running.cancel()
            outcome = (await asyncio.gather(running, return_exceptions=True))[0]
            assert isinstance(outcome, (asyncio.CancelledError, TypeError)), outcome
            await socket.close()


def sends(*messages: bytes | str) -> Misconduct:
    def misconduct(link: DataChannelLink) -> None:
        for message in messages:
            link._channel.send(message)

    return misconduct


MISCONDUCT: dict[str, Misconduct] = {
    "text": sends("hello"),
    "an empty message": sends(b""),
    "a giant message": sends(bytes(MESSAGE_MAX + 1)),
    "a message of 200 kB": sends(bytes(200_000)),
    "noise": sends(*(CHANCE.randbytes(1_200) for _ in range(50))),
    "noise that looks like QUIC": sends(*(b"\xc0\x00\x00\x00\x01" + CHANCE.randbytes(1_195) for _ in range(50))),
    "version negotiation": sends(b"\x80" + bytes(4) + b"\x00\x00\x0a\x0a\x0a\x0a"),
    "nothing": sends(),
    "the end": lambda link: link.close(),
}


@pytest.mark.parametrize("misconduct", MISCONDUCT.values(), ids=MISCONDUCT.keys())
async def test_a_bridge_that_misbehaves_costs_a_try_and_no_more(
    host: Host, site: Site, misconduct: Misconduct, caplog: pytest.LogCaptureFixture
) -> None:
    settings = dataclasses.replace(QUICK, tunnel=TunnelSettings(handshake_seconds=0.3))
    async with rogue(host, misconduct) as bridge, running_client(host.invite, settings=settings) as reader:
        waiting = await reader.statuses.until("waiting")
        assert bridge.met
        assert "\n" not in waiting.detail
        assert waiting.detail == f"{waiting.reason}; trying again"
        async with running_bridge(host.url):
            await reader.statuses.until("open")
            assert (await reader.ask(site.port)).endswith(SMALL)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_a_bridge_without_an_egress_behind_it_is_blamed_once(host: Host, blamed: list[str]) -> None:
    settings = dataclasses.replace(QUICK, tunnel=TunnelSettings(handshake_seconds=0.3))
    async with rogue(host, sends()) as bridge, running_client(host.invite, "webrtc", settings) as reader:
        while "no bridge" in (await reader.statuses.until("waiting")).detail:
            pass  # asked before this one had joined
        assert bridge.met == 1
        await reader.statuses.until("looking")
    assert blamed == ["report_failure"]


async def test_an_answer_that_leads_nowhere(host: Host, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = dataclasses.replace(QUICK, bridge_open_seconds=0.5)
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(f"{host.url}/v1/bridge")
        await socket.send_json({"type": "hello", "version": 1, "capacity": 1})
        async with running_client(host.invite, settings=settings) as reader:
            while (message := await socket.receive_json())["type"] != "offer":
                pass
            await socket.send_json({"type": "answer", "id": message["id"], "sdp": ANSWER})
            waiting = await reader.statuses.until("waiting")
            while "no bridge" in waiting.detail:  # asked before this one had joined
                waiting = await reader.statuses.until("waiting")
            assert "could not be reached" in waiting.detail or "not a usable session description" in waiting.detail
            await socket.close()
            async with running_bridge(host.url):
                await reader.statuses.until("open")
                assert (await reader.ask(site.port)).endswith(SMALL)
