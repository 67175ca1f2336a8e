"""`freespan.connect`: streams, proxies, statuses, and how it all ends."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

import freespan
from freespan.demo.certificates import DemoAuthority
from freespan.demo.payload import sha256_of
from freespan.wire.errors import NotAdmittedError
from freespan.wire.invite import TOKEN_SIZE, format_invite, parse_invite
from tests.api.conftest import SECONDS, hosting
from tests.support.invites import invite_to
from tests.support.played_broker import broker, problem
from tests.support.serving import serving
from tests.support.site import SMALL, Site, served

DEAD = format_invite(invite_to("http://127.0.0.1:1", bytes(32)))


async def get(client: freespan.Client, port: int, path: str = "/", tls: ssl.SSLContext | None = None) -> bytes:
    """The body of one answer."""
    async with asyncio.timeout(SECONDS), await client.open("site.test", port, tls=tls) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        return await reader.read()


async def test_a_stream(client: freespan.Client, site: Site) -> None:
    assert client.status.state == "open"
    assert await get(client, site.port) == SMALL


async def test_many_streams_at_once(client: freespan.Client, site: Site) -> None:
    bodies = await asyncio.gather(*(get(client, site.port, f"/file?bytes={100_000 + i}") for i in range(20)))
    assert [len(body) for body in bodies] == [100_000 + i for i in range(20)]


async def test_a_large_body_is_whole(client: freespan.Client, site: Site) -> None:
    body = await get(client, site.port, "/file?bytes=5000000")
    assert hashlib.sha256(body).hexdigest() == sha256_of(5_000_000)


async def test_tls_on_a_stream(client: freespan.Client, tmp_path: Path) -> None:
    authority = DemoAuthority(tmp_path)
    with served(authority.server_context("site.test")) as secure:
        body = await get(client, secure.port, "/file?bytes=1000000", authority.client_context())
        assert hashlib.sha256(body).hexdigest() == sha256_of(1_000_000)
        with pytest.raises(ssl.SSLError):
            await client.open("site.test", secure.port, tls=True)
        assert await get(client, secure.port, "/", authority.client_context()) == SMALL


@pytest.mark.parametrize(
    ("name", "port", "error"),
    [
        ("nobody.invalid", 80, "dns_error"),
        ("site.test", 25, "http_request_denied"),
        ("127.0.0.1", 1, "connection_refused"),
    ],
)
async def test_a_target_that_cannot_be_reached(client: freespan.Client, name: str, port: int, error: str) -> None:
    with pytest.raises(freespan.StreamError) as caught:
        await client.open(name, port)
    assert caught.value.status.error == error


@pytest.mark.parametrize(
    ("name", "port"),
    [("", 80), ("a b", 80), ("site.test", 0), ("site.test", 70_000), ("::1%x", 1), ("site.test", "80")],
)
async def test_a_target_that_is_malformed(client: freespan.Client, name: str, port: Any) -> None:
    with pytest.raises(freespan.InputError):
        await client.open(name, port)


async def test_a_target_that_does_not_answer_in_time(client: freespan.Client, site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(freespan.StreamError) as caught:
        await client.open("site.test", silent.getsockname()[1], tls=ssl.create_default_context(), timeout=0.3)
    assert caught.value.status.error == "connection_timeout"
    assert await get(client, site.port) == SMALL


async def test_a_cancelled_open_leaves_nothing(host: freespan.Host, client: freespan.Client, site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        opening = asyncio.create_task(client.open("site.test", port, tls=ssl.create_default_context()), name="open")
        async with asyncio.timeout(SECONDS):
            while not host.status.streams:
                await asyncio.sleep(0.01)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            while host.status.streams:
                await asyncio.sleep(0.01)
    assert await get(client, site.port) == SMALL


async def test_a_proxy(client: freespan.Client, site: Site) -> None:
    async with await client.proxy() as proxy, aiohttp.ClientSession() as http:
        assert proxy.url == f"http://127.0.0.1:{proxy.port}"
        assert proxy.socks_url == f"socks5h://127.0.0.1:{proxy.port}"
        async with http.get(f"http://site.test:{site.port}/", proxy=proxy.url) as response:
            assert await response.read() == SMALL
        assert proxy.received > len(SMALL)
        assert proxy.connections <= 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port)).close()


async def test_a_port_in_use(client: freespan.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(freespan.InputError, match="in use"):
        await client.proxy(taken.getsockname()[1])


@pytest.mark.parametrize("port", [-1, 99_999, "8118", True, None])
async def test_a_port_that_is_none(client: freespan.Client, port: Any) -> None:
    with pytest.raises(freespan.InputError, match="must be") as caught:
        await client.proxy(port)
    assert caught.value.field == "port"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"transport": "foo"}, "transport: must be auto, webrtc, turn or websocket"),
        ({"timeout": -1}, "timeout: must be a number of seconds, 0 or more"),
        ({"timeout": float("nan")}, "timeout: must be a number of seconds"),
        ({"timeout": "20"}, "timeout: must be a number of seconds"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_used(given: dict[str, Any], message: str) -> None:
    with pytest.raises(freespan.InputError, match=message):
        freespan.connect(DEAD, **given)


async def test_statuses(host: freespan.Host, bridge: freespan.Bridge) -> None:
    async with freespan.connect(host.invite, timeout=0) as client:
        events, states = client.events(), []
        async with asyncio.timeout(SECONDS):
            async for status in events:
                states.append(status.state)
                if status.state == "open":
                    break
        assert states == ["looking", "connecting", "open"]
        assert client.status.transport == "webrtc"
        later = client.events()
        assert (await anext(later)).state == "open"
    with pytest.raises(StopAsyncIteration):
        await anext(later)


async def test_without_waiting_a_stream_waits_for_the_session(
    host: freespan.Host, bridge: freespan.Bridge, site: Site
) -> None:
    async with freespan.connect(host.invite, timeout=0) as client:
        assert client.status.state == "looking"
        assert await get(client, site.port) == SMALL


@pytest.mark.parametrize("invite", ["", "hello", DEAD[:-5], "freespan9_x"])
def test_a_bad_invite_is_a_clear_error_at_once(invite: str) -> None:
    with pytest.raises(freespan.InviteError, match=r"^invite: is "):
        freespan.connect(invite)


async def test_no_session_in_time() -> None:
    with pytest.raises(freespan.TunnelError, match=r"^no session within 0 s: the host refuses the connection"):
        async with freespan.connect(DEAD, timeout=0.4):
            pytest.fail("there is no host")


async def test_no_session_for_a_stream() -> None:
    async with freespan.connect(DEAD, timeout=0) as client:
        with pytest.raises(freespan.TunnelError, match="no session within"):
            await client.open("site.test", 80, timeout=0.3)


async def test_a_cancelled_entry_cleans_up() -> None:
    async def enter() -> None:
        async with freespan.connect(DEAD):
            pytest.fail("there is no host")

    entering = asyncio.create_task(enter(), name="enter")
    await asyncio.sleep(0.05)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("freespan")]


async def test_an_error_in_the_block_comes_out(host: freespan.Host, bridge: freespan.Bridge, site: Site) -> None:
    with pytest.raises(ZeroDivisionError):
        async with freespan.connect(host.invite) as client:
            stream = await client.open("site.test", site.port)
            raise ZeroDivisionError
    async with asyncio.timeout(SECONDS):
        assert await stream.reader.read() == b""  # closed with the client
        while host.status.streams:
            await asyncio.sleep(0.01)


async def test_outside_its_block_a_client_does_nothing(host: freespan.Host, bridge: freespan.Bridge) -> None:
    client = freespan.connect(host.invite)
    for use in (client.open("site.test", 80), client.proxy()):
        with pytest.raises(RuntimeError, match="inside its `async with` block"):
            await use
    async with client:
        pass
    for ended in (client.open("site.test", 80), client.proxy(), client.__aenter__()):
        with pytest.raises(RuntimeError):
            await ended


async def test_a_host_with_another_key_is_a_clear_error(
    tmp_path: Path, host: freespan.Host, bridge: freespan.Bridge
) -> None:
    wrong = format_invite(msgspec.structs.replace(parse_invite(host.invite), egress_key=bytes(32)))
    with pytest.raises(freespan.TunnelError, match="another key than the invite says"):
        async with freespan.connect(wrong):
            pytest.fail("the key is wrong")


async def test_an_invite_that_the_host_does_not_know_gets_no_bridge(tmp_path: Path) -> None:
    async with hosting(tmp_path, access="invited") as host, freespan.Bridge(host.url):
        forged = msgspec.structs.replace(parse_invite(host.invite), token=bytes(TOKEN_SIZE))
        with pytest.raises(NotAdmittedError, match="does not know the invite"):
            async with freespan.connect(format_invite(forged)):
                pytest.fail("the invite is forged")
        async with freespan.connect(host.invite):
            pass


async def test_a_broker_that_refuses_for_good_ends_the_client() -> None:
    """To ask again cannot help, so every user of the client gets the error."""

    async with serving(broker(problem(400, "bad_request", "the offer is malformed"))) as url, asyncio.timeout(SECONDS):
        invite = format_invite(invite_to(url, bytes(32)))
        with pytest.raises(freespan.RendezvousError, match="the offer is malformed"):
            async with freespan.connect(invite):
                pytest.fail("the broker refuses")
        async with freespan.connect(invite, timeout=0) as client:
            statuses = client.events()
            for use in (client.wait_closed(), client.open("site.test", 80), client.proxy()):
                with pytest.raises(freespan.RendezvousError, match="the offer is malformed"):
                    await use
            assert client.status.state == "failed"
            with pytest.raises(freespan.RendezvousError):
                while (await anext(statuses)).state:
                    pass


async def test_closing_twice_and_in_the_middle_of_an_open(
    host: freespan.Host, bridge: freespan.Bridge, site: Site
) -> None:
    async with freespan.connect(host.invite) as client, asyncio.timeout(SECONDS):
        opening = [asyncio.create_task(client.open("site.test", site.port), name=f"open {i}") for i in range(5)]
        await asyncio.sleep(0)
        await asyncio.gather(client.close(), client.close())
        for outcome in await asyncio.gather(*opening, return_exceptions=True):
            assert isinstance(outcome, freespan.Stream | freespan.FreespanError | RuntimeError)
        while host.status.streams:
            await asyncio.sleep(0.01)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not {name for name in names if name.startswith(("freespan-client", "freespan-session", "stream-"))}
