"""`/v1/egress`: sessions, their streams, and the answers to requests that cannot be served."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import hashlib
import logging
import random
import socket
from typing import Any

import aiohappyeyeballs
import aiohttp
import pytest

from freespan.demo.payload import sha256_of
from freespan.egress import dialer as dialer_module
from freespan.egress.block_list import parse_block_list
from freespan.egress.guests import Anybody
from freespan.egress.settings import EgressSettings
from freespan.link.bond.bond import Bond
from freespan.link.websocket import WebSocketLink
from freespan.sources.rate import Rate
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.tickets import TicketJar
from freespan.wire.bond_frames import KEY_PATH
from freespan.wire.errors import HostFullError, StreamError, TunnelError, WrongKeyError
from freespan.wire.limits import MESSAGE_MAX
from freespan.wire.target import Target
from tests.egress.conftest import Lab, lab_with
from tests.support.site import SMALL, Site
from tests.support.whole_path import SECONDS, ask, direct_session, read_all, running_host

CHANCE = random.Random(5)
NOISE: dict[str, bytes | str] = {
    "text": "hello",
    "empty": b"",
    "one byte": b"\x00",
    "zeros": bytes(1_200),
    "the longest": CHANCE.randbytes(MESSAGE_MAX),
    "too long": CHANCE.randbytes(MESSAGE_MAX + 1),
    "10 MB": bytes(10_000_000),
    "chance": CHANCE.randbytes(1_200),
    "long header, version 0": b"\xc0" + bytes(1_199),
    "long header, unknown version": b"\xc0\xfa\xce\xb0\x0c" + bytes(1_195),
    "an Initial with nothing in it": b"\xc3\x00\x00\x00\x01\x08" + bytes(8) + b"\x00\x00\x44\x80" + bytes(1_180),
    "a retry": b"\xf0\x00\x00\x00\x01\x08" + bytes(1_194),
}


def _socket_of(session: ClientTunnel) -> aiohttp.ClientWebSocketResponse:
    bond = session._driver._link
    assert isinstance(bond, Bond)
    link = bond._links[0]
    assert isinstance(link, WebSocketLink)
    assert isinstance(link._socket, aiohttp.ClientWebSocketResponse)
    return link._socket


async def test_a_page(lab: Lab, site: Site) -> None:
    async with lab.session() as session:
        assert (await ask(session, site.port)).endswith(SMALL)
        assert lab.counters.figures().sessions == 1


async def test_many_streams_at_once(lab: Lab, site: Site) -> None:
    async with lab.session() as session:
        answers = await asyncio.gather(*(ask(session, site.port, "/file?bytes=300000") for _ in range(200)))
    bodies = [hashlib.sha256(answer.partition(b"\r\n\r\n")[2]).hexdigest() for answer in answers]
    assert set(bodies) == {sha256_of(300_000)}


async def test_a_reader_who_comes_back_is_known_by_the_ticket(lab: Lab, site: Site) -> None:
    tickets = TicketJar()
    for is_known in (False, True):
        async with lab.session(tickets=tickets) as session:
            assert (await ask(session, site.port)).endswith(SMALL)
            assert session._driver.quic is not None
            assert session._driver.quic.is_resumed == is_known


async def test_an_egress_that_stops_closes_its_sessions(lab: Lab, site: Site) -> None:
    async with lab.session() as session:
        await ask(session, site.port)
        lab.host.egress.close()
        assert await session.wait_ended() == "the other end closed the session"


async def test_another_key_than_the_invite_says(lab: Lab) -> None:
    with pytest.raises(WrongKeyError, match=r"another key than the invite says.*new invite"):
        async with lab.session(pin=bytes(32)):
            pass
    await lab.until_sessions(0)


async def error_of(lab: Lab, host: str, port: int) -> str:
    async with lab.session() as session:
        with pytest.raises(StreamError) as caught:
            await session.connect(Target(host, port))
    return caught.value.status.error


async def test_a_destination_that_refuses(lab: Lab) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert await error_of(lab, "site.test", bound.getsockname()[1]) == "connection_refused"
    assert lab.refused("connection_refused") == 1


async def test_a_destination_that_does_not_resolve(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert await error_of(lab, "nobody.example", 80) == "dns_error"


async def test_a_destination_that_is_forbidden(lab: Lab) -> None:
    assert await error_of(lab, "site.test", 25) == "http_request_denied"


async def test_a_destination_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(dialer_module, "start_connection", never)
    async with lab_with(EgressSettings(dial_seconds=0.05)) as lab:
        assert await error_of(lab, "site.test", 80) == "connection_timeout"


@pytest.mark.parametrize(
    "headers",
    [
        [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"site.test"), (b":path", b"/")],
        [(b":method", b"CONNECT"), (b":authority", b"site.test")],
        [(b":method", b"CONNECT"), (b":authority", b"site.test:0")],
        [(b":method", b"CONNECT"), (b":authority", b"site test:80")],
        [(b":method", b"CONNECT"), (b":authority", b"\xff\xfe:80")],
        [(b":method", b"CONNECT"), (b":authority", b"x" * 5_000 + b":80")],
        [
            (b":method", b"CONNECT"),
            (b":protocol", b"connect-udp"),
            (b":scheme", b"https"),
            (b":authority", b"site.test"),
            (b":path", b"/"),
        ],
    ],
    ids=["GET", "no port", "port 0", "white space", "no ASCII", "too long", "another protocol"],
)
async def test_a_request_that_is_not_served(lab: Lab, site: Site, headers: list[tuple[bytes, bytes]]) -> None:
    async with lab.session() as session:
        http, quic = session._streams.http, session._driver.quic
        assert http is not None
        assert quic is not None
        stream = session._streams.open(quic.get_next_available_stream_id())
        http.send_headers(stream.id, headers)
        session._driver.flush_soon()
        try:
            answer = dict(await asyncio.wait_for(stream.wait_headers(), SECONDS))
        except StreamError:
            pass  # HTTP/3 ends the connection of who breaks its own rules
        else:
            assert answer[b":status"] == b"400"
            assert answer[b"proxy-status"] == b"freespan; error=http_request_error"
            assert (await ask(session, site.port)).endswith(SMALL)
    await lab.still_serves(site.port)


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
async def test_noise_at_first_ends_the_link(site: Site, noise: bytes | str, caplog: pytest.LogCaptureFixture) -> None:
    settings = EgressSettings(tunnel=TunnelSettings(handshake_seconds=0.3))
    async with lab_with(settings) as lab, lab.session() as bystander:
        assert (await ask(bystander, site.port)).endswith(SMALL)
        link = await lab.open_link()
        await _send(link, noise)
        await _closed(link)
        assert (await ask(bystander, site.port)).endswith(SMALL)
        bystander.close()
        await lab.until_sessions(0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
async def test_noise_in_an_open_session_harms_nobody_else(
    lab: Lab, site: Site, noise: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    """A bridge that puts anything of its own between the packets loses its link, and nobody else does."""
    async with lab.session() as bystander, lab.session() as session:
        assert (await ask(session, site.port)).endswith(SMALL)
        for _ in range(20):
            await _send(_socket_of(session), noise)
        await asyncio.wait_for(session.wait_ended(), SECONDS)  # it had no other link
        with pytest.raises(StreamError):
            await session.connect(Target("site.test", site.port))
        assert (await ask(bystander, site.port)).endswith(SMALL)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_link_without_a_handshake_is_given_up() -> None:
    async with lab_with(EgressSettings(tunnel=TunnelSettings(handshake_seconds=0.1))) as lab:
        await _closed(await lab.open_link())
        await lab.until_sessions(0)


async def test_a_link_that_is_closed_unused_leaves_nothing(
    lab: Lab, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A browser's test opens one and closes it without a byte."""
    caplog.set_level(logging.INFO)
    for link in [await lab.open_link() for _ in range(3)]:
        await link.close()
    async with asyncio.timeout(SECONDS):
        while len(lab.host.egress._sessions._links) or len(lab.host.egress._sessions._without_handshake):
            await asyncio.sleep(0.005)
    assert lab.counters.figures().sessions == 0
    assert not [record for record in caplog.records if record.name.startswith("freespan")]
    await lab.still_serves(site.port)


async def test_more_sessions_than_allowed(site: Site) -> None:
    async with lab_with(EgressSettings(sessions_max=1)) as lab:
        async with lab.session() as session:
            with pytest.raises(TunnelError):
                async with lab.session():
                    pass
            assert (await ask(session, site.port)).endswith(SMALL)
        await lab.until_sessions(0)
        await lab.still_serves(site.port)


async def test_more_links_than_allowed(site: Site) -> None:
    async with lab_with(EgressSettings(links_max=1, turned_away_max=1)) as lab:
        async with lab.session() as session:
            with pytest.raises(HostFullError):
                async with lab.session():
                    pass
            async with asyncio.timeout(SECONDS):
                while len(lab.host.egress._sessions._turned_away):
                    await asyncio.sleep(0.01)
            await lab.open_link()
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await lab.open_link()
            assert caught.value.status == 503
            assert (await ask(session, site.port)).endswith(SMALL)
        await lab.until_sessions(0)
        await lab.still_serves(site.port)


async def test_links_without_a_handshake_keep_nobody_out(site: Site) -> None:
    async with lab_with(EgressSettings(without_handshake_max=2, sessions_max=4)) as lab:
        async with lab.session() as session:
            idle = [await lab.open_link() for _ in range(10)]
            for link in idle[:8]:
                await _closed(link)
            async with lab.session() as another:
                for each in (session, another):
                    assert (await ask(each, site.port)).endswith(SMALL)
                await asyncio.gather(*(link.close() for link in idle))
        await lab.until_sessions(0)


async def test_an_end_of_one_direction_leaves_the_other(lab: Lab) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await reader.read(-1)
        writer.write(received[::-1])
        writer.close()

    listener = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listener, lab.session() as session:
        stream = await session.connect(Target("site.test", listener.sockets[0].getsockname()[1]))
        await stream.write(b"abc")
        stream.write_eof()
        assert await read_all(stream) == b"cba"
        session.release(stream)


async def test_a_target_that_resets_is_a_cut_and_no_end(lab: Lab) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"half")
        await writer.drain()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        writer.transport.abort()

    listener = await asyncio.start_server(break_off, "127.0.0.1", 0)
    async with listener, lab.session() as session:
        stream = await session.connect(Target("site.test", listener.sockets[0].getsockname()[1]), b"x")
        with pytest.raises(StreamError):
            await read_all(stream)
        session.release(stream)


async def test_a_reader_that_leaves_while_the_egress_dials(
    lab: Lab, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What was asked for is not there any more when the answer comes."""
    dialing, go_on = asyncio.Event(), asyncio.Event()
    start_connection = aiohappyeyeballs.start_connection

    async def held(*arguments: object, **options: object) -> socket.socket:
        dialing.set()
        await go_on.wait()
        return await start_connection(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(dialer_module, "start_connection", held)
    async with lab.session() as session:
        leaving = asyncio.create_task(session.connect(Target("site.test", site.port)), name="leaving")
        await asyncio.wait_for(dialing.wait(), SECONDS)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        go_on.set()
        assert (await ask(session, site.port)).endswith(SMALL)
        async with asyncio.timeout(SECONDS):
            while lab.counters.figures().streams:
                await asyncio.sleep(0.01)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_stopping_ends_every_session(lab: Lab, site: Site) -> None:
    async with lab.session() as session:
        stream = await session.connect(Target("site.test", site.port), b"GET /held HTTP/1.0\r\n\r\n")
        assert await stream.read()
        lab.host.egress.close()
        assert await asyncio.wait_for(session.wait_ended(), SECONDS)
        with pytest.raises(StreamError):
            while await stream.read():
                pass
    await lab.until_sessions(0)
    site.hold.set()


async def test_a_client_that_asks_for_the_key_and_is_gone_leaves_no_trace(
    lab: Lab, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        async with lab.session() as session:
            asking = asyncio.create_task(session.get(KEY_PATH, 48), name="asking")
            await asyncio.sleep(0)
            session._driver._flush()
            session._driver._link.close("gone")
            await asyncio.gather(asking, return_exceptions=True)
    await lab.until_sessions(0)
    gc.collect()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_what_is_counted(lab: Lab, site: Site) -> None:
    async with lab.session() as session:
        await ask(session, site.port, "/file?bytes=1000000")
    value = lab.counters.registry.get_sample_value
    assert (value("freespan_transferred_bytes_total", {"direction": "download"}) or 0) > 1_000_000
    assert (value("freespan_transferred_bytes_total", {"direction": "upload"}) or 0) > 10
    await lab.until_sessions(0)
    assert lab.counters.figures().streams == 0


async def _send(link: aiohttp.ClientWebSocketResponse, noise: bytes | str) -> None:
    try:
        await (link.send_str(noise) if isinstance(noise, str) else link.send_bytes(noise))
    except ConnectionError:
        pass  # it was cut off in the middle


async def _closed(link: aiohttp.ClientWebSocketResponse) -> None:
    async with asyncio.timeout(SECONDS):
        while (await link.receive()).type is aiohttp.WSMsgType.BINARY:
            pass
    await link.close()


# --- what a session may spend --------------------------------------------------------------------


async def test_a_session_that_opens_too_many_connections_waits_and_others_do_not(site: Site) -> None:
    few = EgressSettings(connections=Rate(per_second=20.0, burst=2), connection_patience_seconds=0.06)
    async with lab_with(few) as lab, lab.session() as greedy, lab.session() as other:
        answers = await asyncio.gather(*(ask(greedy, site.port) for _ in range(6)), return_exceptions=True)
        assert sum(isinstance(answer, bytes) and answer.endswith(SMALL) for answer in answers) >= 2
        refused = [answer for answer in answers if isinstance(answer, StreamError)]
        assert {error.status.rule for error in refused} == {"connections"}
        assert lab.refused("connection_limit_reached") == len(refused)
        assert (await ask(other, site.port)).endswith(SMALL)


async def test_a_session_opens_only_so_many_connections_to_one_destination(site: Site) -> None:
    async with lab_with(EgressSettings(connections_to_one=Rate(per_second=1e-6, burst=2))) as lab:
        async with lab.session() as session:
            for _ in range(2):
                assert (await ask(session, site.port)).endswith(SMALL)
            with pytest.raises(StreamError, match="so many new connections to one site"):
                await ask(session, site.port)
            with pytest.raises(StreamError, match="so many new connections to one site"):
                await ask(session, site.port, host="127.0.0.1")
        await lab.still_serves(site.port)


class OneInvite(Anybody):
    """Guests who all come with the same invite."""

    id = b"12345678"
    is_invited = True


async def test_sessions_of_one_invite_share_what_it_may_open(site: Site) -> None:
    few = EgressSettings(connections_to_one=Rate(per_second=1e-6, burst=2), invite_times=1)
    async with (
        running_host(egress=few, guests=OneInvite()) as host,
        direct_session(host) as one,
        direct_session(host) as other,
    ):
        for session in (one, other):
            assert (await ask(session, site.port)).endswith(SMALL)
        with pytest.raises(StreamError, match="so many new connections to one site"):
            await ask(other, site.port)


async def test_a_session_carries_only_so_much_in_a_day(site: Site) -> None:
    async with lab_with(EgressSettings(bytes_a_day=300_000)) as lab:
        async with lab.session() as session:
            with pytest.raises(StreamError):
                await ask(session, site.port, "/file?bytes=3000000")
            with pytest.raises(StreamError, match="as much has been carried as the host allows in a day"):
                await ask(session, site.port)
        await lab.still_serves(site.port)


# --- a policy that changes -----------------------------------------------------------------------


def blocking(lab: Lab, *entries: str) -> None:
    policy = dataclasses.replace(lab.host.dialer.policy, blocked=parse_block_list("\n".join(entries)))
    lab.host.egress.change_policy(policy)


@pytest.mark.parametrize("entry", ["site.test", "127.0.0.0/8"])
async def test_what_is_connected_is_cut_when_it_may_not_be_any_more(lab: Lab, site: Site, entry: str) -> None:
    site.hold.clear()
    async with lab.session() as session:
        stream = await session.connect(Target("site.test", site.port), b"GET /held HTTP/1.0\r\n\r\n")
        received = await stream.read()
        blocking(lab, "other.test", "10.0.0.0/8")
        blocking(lab, entry)
        with pytest.raises(StreamError):
            while data := await stream.read():
                received += data
        assert b"200 OK" in received
        with pytest.raises(StreamError, match="the host blocks this site"):
            await ask(session, site.port)
        blocking(lab)
        assert (await ask(session, site.port)).endswith(SMALL)
    site.hold.set()


async def test_what_is_blocked_while_it_is_being_connected_is_not_served(
    lab: Lab, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = aiohappyeyeballs.start_connection

    async def late(*arguments: Any, **options: Any) -> socket.socket:
        connection = await connect(*arguments, **options)
        blocking(lab, "site.test")
        return connection

    monkeypatch.setattr(dialer_module, "start_connection", late)
    async with lab.session() as session:
        with pytest.raises(StreamError, match="the host blocks this site"):
            await ask(session, site.port)
