"""The port of the counters: for this machine alone, and no part of what everybody sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import freespan
from freespan.api.metrics import serving_metrics
from freespan.observe.counters import HostCounters
from tests.api.conftest import hosting


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving_metrics(HostCounters(), 0) as url:
        yield url


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


async def test_a_prometheus_of_this_machine_can_read_them(http: aiohttp.ClientSession, url: str) -> None:
    for name in (url, url.replace("127.0.0.1", "localhost")):
        async with http.get(name) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert "freespan_bridges 0.0" in await answer.text()


@pytest.mark.parametrize("name", ["rebound.example", "rebound.example:9464", "127.0.0.1.rebound.example", "[", ""])
async def test_a_page_that_gives_this_address_a_name_cannot(http: aiohttp.ClientSession, url: str, name: str) -> None:
    async with http.get(url, headers={"Host": name}) as answer:
        assert answer.status >= 400
        assert "freespan" not in await answer.text()


@pytest.mark.parametrize("path", ["/", "/metrics/x", "/v1/health"])
async def test_there_is_nothing_else(http: aiohttp.ClientSession, url: str, path: str) -> None:
    async with http.get(url.removesuffix("/metrics") + path) as answer:
        assert answer.status == 404
        assert "freespan" not in await answer.text()


async def test_the_port_is_one_of_loopback_and_closes_with_the_host(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with hosting(tmp_path, metrics_port=0) as host:
        url = host.metrics
        assert url.startswith("http://127.0.0.1:")
        async with http.get(url) as answer:
            assert answer.status == 200
        async with http.get(f"{host.url}/metrics") as answer:
            assert answer.status == 404
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get(url)


async def test_a_host_has_no_such_port_unless_it_is_asked_for(host: freespan.Host) -> None:
    assert host.metrics == ""
