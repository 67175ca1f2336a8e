"""`GET /v1/countries`: who is counted, as whom, and what the answer gives away."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from freespan.broker.country_database import CountryDatabase
from freespan.broker.reader_statistics import ReaderStatistics
from freespan.broker.settings import CensusSettings
from tests.broker.conftest import Lab
from tests.support import virtual_time
from tests.support.mmdb import database
from tests.support.sdp import OFFER
from tests.support.serving import serving

HEADER = "X-Forwarded-For"


class Clock:
    """Seconds that pass when the test wants it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def later(self) -> None:
        self.now += CensusSettings().step_seconds


@pytest.fixture(autouse=True)
def _known_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys under which no two readers of these tests set the same mark."""
    monkeypatch.setattr(secrets, "token_bytes", random.Random(3).randbytes)


@pytest.fixture
def countries(tmp_path: Path) -> CountryDatabase:
    path = tmp_path / "countries.mmdb"
    iran, germany = {"country": {"iso_code": "IR"}}, {"country": {"iso_code": "DE"}}
    path.write_bytes(database({"11.0.0.0/8": iran, "2a00::/16": iran, "12.0.0.0/8": germany}))
    return CountryDatabase(path)


def offer(*addresses: str, kind: str = "srflx") -> str:
    """An offer with candidates at these addresses."""
    lines = [f"a=candidate:1 1 udp 1 {address} 9 typ {kind} raddr 0.0.0.0 rport 0" for address in addresses]
    return OFFER.replace("a=mid:0\r\n", "".join(f"{line}\r\n" for line in lines) + "a=mid:0\r\n")


def come(statistics: ReaderStatistics, address: str, *offered: str, kind: str = "srflx") -> None:
    """A reader who asks from an address, by way of a web server, and offers others."""
    request = make_mocked_request("POST", "/v1/rendezvous", headers={HEADER: address})
    statistics.count(request, offer(*offered, kind=kind))


@asynccontextmanager
async def asking(statistics: ReaderStatistics) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(statistics.routes()) as url, aiohttp.ClientSession(url) as http:
        yield http


async def published(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get("/v1/countries") as response:
        assert response.status == 200
        return dict(await response.json())


async def test_the_answer_is_for_any_page_and_may_be_kept_for_five_minutes(countries: CountryDatabase) -> None:
    clock = Clock()
    statistics = ReaderStatistics(countries, HEADER, clock)
    async with asking(statistics) as http:
        for part in range(5):
            come(statistics, f"11.{part}.0.1", f"11.{part}.0.1")
        assert await published(http) == {"countries": {}, "somewhere": 0}
        clock.later()
        async with http.get("/v1/countries") as response:
            assert response.content_type == "application/json"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["Cache-Control"] == "public, max-age=300"
            assert await response.json() == {"countries": {"IR": 3}, "somewhere": 0}


async def test_two_readers_of_a_country_are_not_published(countries: CountryDatabase) -> None:
    clock = Clock()
    statistics = ReaderStatistics(countries, HEADER, clock)
    async with asking(statistics) as http:
        for part in (1, 2, 1, 2, 1, 2):
            come(statistics, f"11.{part}.0.{part}", f"11.{part}.0.1")
        clock.later()
        assert await published(http) == {"countries": {}, "somewhere": 0}
        come(statistics, "12.1.0.1", "12.1.0.1")
        clock.later()
        assert await published(http) == {"countries": {}, "somewhere": 3}


@pytest.mark.parametrize(
    ("offered", "kind"),
    [((), "srflx"), (("12.1.0.1",), "srflx"), (("10.0.0.1",), "host"), (("11.1.0.1",), "relay")],
    ids=["no address", "another country, as behind a front", "a private address", "that of a relay"],
)
async def test_a_country_must_be_that_of_the_request_and_of_the_offer(
    countries: CountryDatabase, offered: tuple[str, ...], kind: str
) -> None:
    clock = Clock()
    statistics = ReaderStatistics(countries, HEADER, clock)
    async with asking(statistics) as http:
        for part in range(4):
            come(statistics, f"11.{part}.0.1", *offered, kind=kind)
        clock.later()
        assert await published(http) == {"countries": {}, "somewhere": 3}


async def test_one_ip_version_may_ask_and_the_other_offer(countries: CountryDatabase) -> None:
    clock = Clock()
    statistics = ReaderStatistics(countries, HEADER, clock)
    async with asking(statistics) as http:
        for part in range(5):
            come(statistics, f"2a00:{part}::1", f"11.{part}.0.1", "12.0.0.1")
        clock.later()
        assert await published(http) == {"countries": {"IR": 3}, "somewhere": 0}


async def test_what_a_client_writes_into_the_header_itself_does_not_count(countries: CountryDatabase) -> None:
    clock = Clock()
    statistics = ReaderStatistics(countries, HEADER, clock)
    async with asking(statistics) as http:
        for part in range(6):  # the web server has put the real address, always the same one, behind it
            come(statistics, f"11.{part}.0.1, 11.200.0.1", f"11.{part}.0.1")
        for value in ("", "unknown", "11.0.0.1:80:90", "1" * 5000, ",", "11.1.1.1,"):
            come(statistics, value, "11.1.1.1")
        clock.later()
        assert await published(http) == {"countries": {}, "somewhere": 0}


async def test_without_a_database_everybody_is_somewhere() -> None:
    clock = Clock()
    statistics = ReaderStatistics(None, HEADER, clock)
    async with asking(statistics) as http:
        for part in range(5):
            come(statistics, f"11.{part}.0.1", f"11.{part}.0.1")
        clock.later()
        assert await published(http) == {"countries": {}, "somewhere": 3}


async def test_a_header_counts_only_where_the_host_has_configured_it(countries: CountryDatabase) -> None:
    clock = Clock()
    statistics = ReaderStatistics(countries, "", clock)
    async with asking(statistics) as http:
        for part in range(5):
            come(statistics, f"11.{part}.0.1", f"11.{part}.0.1")
        clock.later()
        assert await published(http) == {"countries": {}, "somewhere": 0}


async def test_readers_who_were_given_a_bridge_are_counted_and_no_others(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(ReaderStatistics, "count", lambda self, request, offer: seen.append(offer))
    assert (await lab.post())[0] == 503
    assert (await lab.post(b"{}"))[0] == 400
    assert seen == []
    bridge = await lab.join()
    client = lab.ask()
    await bridge.answer(await bridge.offer())
    assert (await client)[0] == 200
    assert seen == [OFFER]
    async with lab.http.get("/v1/countries") as response:
        assert await response.json() == {"countries": {}, "somewhere": 0}


def test_old_marks_are_deleted_even_if_nobody_comes_or_asks() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        statistics = ReaderStatistics(None, HEADER, loop.time)
        come(statistics, "11.1.0.1")
        await asyncio.sleep(CensusSettings().memory_seconds)
        assert not statistics._census.is_empty
        await asyncio.sleep(3 * CensusSettings().memory_seconds)
        assert statistics._census.is_empty

    virtual_time.run(scenario())
