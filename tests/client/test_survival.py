"""No bridge matters: what a session does when those that carry it leave."""

from __future__ import annotations

import contextlib
import hashlib

from freespan.demo.payload import sha256_of
from freespan.tunnel.stream import TunnelStream
from freespan.wire.target import Target
from tests.support.site import Site
from tests.support.whole_path import (
    QUICK,
    SECONDS,
    Host,
    RunningBridge,
    RunningClient,
    running_bridge,
    running_client,
    running_host,
)

SIZE = 40_000_000


async def begin(reader: RunningClient, site: Site, size: int = SIZE) -> tuple[TunnelStream, hashlib._Hash]:
    """Ask for a file and read its head."""
    tunnel = await reader.client.tunnel(SECONDS)
    request = f"GET /file?bytes={size} HTTP/1.0\r\n\r\n".encode()
    stream = await tunnel.connect(Target("site.test", site.port), request)
    head = b""
    while b"\r\n\r\n" not in head:
        head += await stream.read()
    return stream, hashlib.sha256(head.partition(b"\r\n\r\n")[2])


async def read_some(stream: TunnelStream, digest: hashlib._Hash, count: int) -> None:
    while count > 0:
        data = await stream.read()
        assert data
        digest.update(data)
        count -= len(data)


async def read_rest(stream: TunnelStream, digest: hashlib._Hash) -> str:
    while data := await stream.read():
        digest.update(data)
    return digest.hexdigest()


async def bridges(reader: RunningClient, count: int) -> None:
    await reader.statuses.until("open", detail=f"{count} bridges carry this session")


async def test_three_bridges_carry_a_session_where_there_are_three(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        helpers = [await stack.enter_async_context(running_bridge(host.url)) for _ in range(4)]
        reader = await stack.enter_async_context(running_client(host.invite, settings=QUICK))
        await bridges(reader, 3)
        stream, digest = await begin(reader, site)
        assert await read_rest(stream, digest) == sha256_of(SIZE)
        assert host.counters.figures().sessions == 1
        serving = [helper.statuses.all[-1].now for helper in helpers]
        assert sorted(serving)[1:] == [1, 1, 1]  # a fourth one is tried while much is carried


async def test_a_download_goes_on_when_bridges_leave_one_by_one(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        helpers: list[RunningBridge] = [await stack.enter_async_context(running_bridge(host.url)) for _ in range(3)]
        reader = await stack.enter_async_context(running_client(host.invite, settings=QUICK))
        await bridges(reader, 3)
        stream, digest = await begin(reader, site)
        for helper in helpers:
            await read_some(stream, digest, SIZE // 8)
            await stack.enter_async_context(running_bridge(host.url))
            await helper.stop()
        assert await read_rest(stream, digest) == sha256_of(SIZE)


async def test_a_session_without_bridges_waits_for_one(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        only = await stack.enter_async_context(running_bridge(host.url))
        reader = await stack.enter_async_context(running_client(host.invite, settings=QUICK))
        await reader.statuses.until("open")
        stream, digest = await begin(reader, site)
        await read_some(stream, digest, SIZE // 4)
        await only.stop()
        await reader.statuses.until("waiting")
        await stack.enter_async_context(running_bridge(host.url))
        await reader.statuses.until("open")
        assert await read_rest(stream, digest) == sha256_of(SIZE)
        assert host.counters.figures().sessions == 1


async def test_an_egress_that_was_restarted_is_told_apart(site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running_host() as host:
            reader = await stack.enter_async_context(running_client(host.invite, settings=QUICK))
            helper = await stack.enter_async_context(running_bridge(host.url))
            await reader.statuses.until("open")
            port, identity = host.port, host.identity
            tunnel = await reader.client.tunnel(SECONDS)
        assert tunnel is not None
        await reader.statuses.until("looking")
        async with running_host(port, identity) as host:
            await helper.statuses.until("waiting")
            await reader.statuses.until("open")
            stream, digest = await begin(reader, site, 1_000_000)
            assert await read_rest(stream, digest) == sha256_of(1_000_000)
