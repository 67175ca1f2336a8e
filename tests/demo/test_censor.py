import asyncio

import pytest

from freespan.demo import censor as censor_module
from freespan.demo.censor import Censor
from freespan.demo.reader import CutError, fetch
from freespan.demo.sites import BLOCKED, NEWS


async def fetch_directly(road, scheme: str, name: str) -> str:
    page = await fetch(road.direct(scheme, name), tls=road.tls, seconds=10, size_max=100_000)
    return page.sha256


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_other_names_pass_untouched(road, scheme: str) -> None:
    assert await fetch_directly(road, scheme, NEWS) == road.news.page_sha256()
    assert road.censor.counts.passed == 1
    assert road.censor.counts.cut == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", [BLOCKED, f"www.{BLOCKED}", BLOCKED.upper()])
async def test_blocked_names_are_cut(road, scheme: str, name: str) -> None:
    with pytest.raises(CutError):
        await fetch_directly(road, scheme, name)
    counts = road.censor.counts
    assert counts.cut == (counts.cut_by_sni if scheme == "https" else counts.cut_by_host) > 0
    assert road.blocked.traffic.requests == 0


async def test_the_cut_is_a_reset(road) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", road.censor.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: blocked.test\r\n\r\n")
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()


@pytest.mark.parametrize("start", [b"\x00noise", b"GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n", b"GET / HT"])
async def test_what_it_cannot_read_goes_nowhere(road, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", road.censor.port)
    writer.write(start)
    writer.write_eof()
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()
    assert road.censor.counts.turned_away == 1
    assert road.censor.counts.passed == 0


async def test_a_slow_talker_is_cut_in_time(road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(censor_module, "START_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", road.censor.port)
    writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await reader.read()
    writer.close()


async def test_connections_are_bounded(road, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(censor_module, "CONNECTIONS_MAX", 1)
    _first, first_writer = await asyncio.open_connection("127.0.0.1", road.censor.port)
    second, second_writer = await asyncio.open_connection("127.0.0.1", road.censor.port)
    async with asyncio.timeout(10):
        with pytest.raises(ConnectionResetError):
            await second.read()
    first_writer.close()
    second_writer.close()
    assert road.censor.counts.turned_away == 1


async def test_a_dead_site_is_no_hang() -> None:
    async with Censor([], {NEWS: censor_module.Route(1, 1)}).listening() as censor:
        reader, writer = await asyncio.open_connection("127.0.0.1", censor.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: news.test\r\n\r\n")
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()


async def test_the_end_of_the_censor_ends_its_connections(road) -> None:
    async with Censor([BLOCKED], {NEWS: road.news.route}).listening() as other:
        reader, writer = await asyncio.open_connection("127.0.0.1", other.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: news.test\r\n\r\n")
        async with asyncio.timeout(10):
            await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()


async def test_an_easy_port_is_taken_only_when_it_is_free(road) -> None:
    async with Censor([], {}).listening(road.censor.port) as other:
        assert other.port not in (0, road.censor.port)
