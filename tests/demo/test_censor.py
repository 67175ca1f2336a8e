"""The demo's censor resets connections to blocked names, and nothing else."""

import asyncio

import pytest

from freespan.demo.addresses import BLOCKED, NEWS
from freespan.demo.censor import Censor, Route
from freespan.demo.fetch import CutError, fetch
from tests.demo.conftest import CensoredSites


async def fetch_directly(sites: CensoredSites, scheme: str, name: str) -> str:
    page = await fetch(sites.direct(scheme, name), tls=sites.tls, seconds=10, size_max=100_000)
    return page.sha256


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_other_names_pass_unchanged(sites: CensoredSites, scheme: str) -> None:
    assert await fetch_directly(sites, scheme, NEWS) == sites.news.page_sha256()
    assert sites.censor.counts.passed == 1
    assert sites.censor.counts.cut == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", [BLOCKED, f"www.{BLOCKED}", BLOCKED.upper()])
async def test_connections_to_blocked_names_end(sites: CensoredSites, scheme: str, name: str) -> None:
    with pytest.raises(CutError):
        await fetch_directly(sites, scheme, name)
    counts = sites.censor.counts
    assert counts.cut == (counts.cut_by_sni if scheme == "https" else counts.cut_by_host) > 0
    assert sites.blocked.traffic.requests == 0


async def test_they_end_with_a_reset(sites: CensoredSites) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sites.censor.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: blocked.test\r\n\r\n")
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()


@pytest.mark.parametrize("start", [b"\x00noise", b"GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n", b"GET / HT"])
async def test_a_connection_without_a_known_name_is_reset(sites: CensoredSites, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sites.censor.port)
    writer.write(start)
    writer.write_eof()
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()
    assert sites.censor.counts.rejected == 1
    assert sites.censor.counts.passed == 0


async def test_a_slow_sender_is_reset_in_time() -> None:
    async with Censor([], {}, start_seconds=0.05).listening() as censor:
        reader, writer = await asyncio.open_connection("127.0.0.1", censor.port)
        writer.write(b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()


async def test_connections_are_bounded() -> None:
    async with Censor([], {}, connections_max=1).listening() as censor:
        _first, first_writer = await asyncio.open_connection("127.0.0.1", censor.port)
        second, second_writer = await asyncio.open_connection("127.0.0.1", censor.port)
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionResetError):
                await second.read()
        first_writer.close()
        second_writer.close()
        assert censor.counts.rejected == 1


async def test_a_site_that_is_down_causes_a_reset() -> None:
    async with Censor([], {NEWS: Route(1, 1)}).listening() as censor:
        reader, writer = await asyncio.open_connection("127.0.0.1", censor.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: news.test\r\n\r\n")
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()


async def test_stopping_the_censor_ends_its_connections(sites: CensoredSites) -> None:
    async with Censor([BLOCKED], {NEWS: sites.news.route}).listening() as other:
        reader, writer = await asyncio.open_connection("127.0.0.1", other.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: news.test\r\n\r\n")
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()


async def test_a_wanted_port_is_used_only_if_it_is_free(sites: CensoredSites) -> None:
    async with Censor([], {}).listening(sites.censor.port) as other:
        assert other.port not in (0, sites.censor.port)
