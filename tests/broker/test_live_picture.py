"""`GET /v1/countries`: who is counted, as whom, and what the answer gives away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from freespan.broker import live_picture
from freespan.broker.country_database import CountryDatabase
from freespan.broker.live_picture import LivePicture
from freespan.wire.limits import CENSUS_SECONDS, CENSUS_STEP_SECONDS
from tests.broker.conftest import Lab
from tests.support.mmdb import database
from tests.support.sdp import OFFER
from tests.support.serving import serving

HEADER = "X-Forwarded-For"


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def later(self) -> None:
        self.now += CENSUS_STEP_SECONDS


@pytest.fixture(autouse=True)
def _known_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys under which no two readers of these tests set the same mark."""
    monkeypatch.setattr(live_picture.secrets, "token_bytes", random.Random(3).randbytes)


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


def come(picture: LivePicture, address: str, *offered: str, kind: str = "srflx") -> None:
    """A reader who asks from an address, by way of a web server, and offers others."""
    request = make_mocked_request("POST", "/v1/rendezvous", headers={HEADER: address})
    picture.saw(request, offer(*offered, kind=kind))


@asynccontextmanager
async def asking(picture: LivePicture) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(picture.routes()) as url, aiohttp.ClientSession(url) as http:
        yield http


async def told(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get("/v1/countries") as response:
        assert response.status == 200
        return dict(await response.json())


async def test_the_answer_is_for_any_page_and_may_be_kept_for_five_minutes(countries: CountryDatabase) -> None:
    clock = Clock()
    picture = LivePicture(countries, HEADER, clock)
    async with asking(picture) as http:
        for part in range(5):
            come(picture, f"11.{part}.0.1", f"11.{part}.0.1")
        assert await told(http) == {"countries": {}, "somewhere": 0}
        clock.later()
        async with http.get("/v1/countries") as response:
            assert response.content_type == "application/json"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["Cache-Control"] == "public, max-age=300"
            assert await response.json() == {"countries": {"IR": 5}, "somewhere": 0}


async def test_only_two_from_a_country_are_not_told_of(countries: CountryDatabase) -> None:
    clock = Clock()
    picture = LivePicture(countries, HEADER, clock)
    async with asking(picture) as http:
        for part in (1, 2, 1, 2, 1, 2):
            come(picture, f"11.{part}.0.{part}", f"11.{part}.0.1")
        clock.later()
        assert await told(http) == {"countries": {}, "somewhere": 0}
        come(picture, "12.1.0.1", "12.1.0.1")
        clock.later()
        assert await told(http) == {"countries": {}, "somewhere": 3}


@pytest.mark.parametrize(
    ("offered", "kind"),
    [((), "srflx"), (("12.1.0.1",), "srflx"), (("10.0.0.1",), "host"), (("11.1.0.1",), "relay")],
    ids=["no address", "another country, as behind a front", "a private address", "that of a relay"],
)
async def test_a_country_must_be_that_of_the_request_and_of_the_offer(
    countries: CountryDatabase, offered: tuple[str, ...], kind: str
) -> None:
    clock = Clock()
    picture = LivePicture(countries, HEADER, clock)
    async with asking(picture) as http:
        for part in range(4):
            come(picture, f"11.{part}.0.1", *offered, kind=kind)
        clock.later()
        assert await told(http) == {"countries": {}, "somewhere": 3}


async def test_one_ip_version_may_ask_and_the_other_offer(countries: CountryDatabase) -> None:
    clock = Clock()
    picture = LivePicture(countries, HEADER, clock)
    async with asking(picture) as http:
        for part in range(5):
            come(picture, f"2a00:{part}::1", f"11.{part}.0.1", "12.0.0.1")
        clock.later()
        assert await told(http) == {"countries": {"IR": 5}, "somewhere": 0}


async def test_what_a_client_writes_into_the_header_itself_does_not_count(countries: CountryDatabase) -> None:
    clock = Clock()
    picture = LivePicture(countries, HEADER, clock)
    async with asking(picture) as http:
        for part in range(6):  # the web server has put the real address, always the same one, behind it
            come(picture, f"11.{part}.0.1, 11.200.0.1", f"11.{part}.0.1")
        for rubbish in ("", "unknown", "11.0.0.1:80:90", "1" * 5000, ",", "11.1.1.1,"):
            come(picture, rubbish, "11.1.1.1")
        clock.later()
        assert await told(http) == {"countries": {}, "somewhere": 0}


async def test_without_a_database_everybody_is_somewhere() -> None:
    clock = Clock()
    picture = LivePicture(None, HEADER, clock)
    async with asking(picture) as http:
        for part in range(5):
            come(picture, f"11.{part}.0.1", f"11.{part}.0.1")
        clock.later()
        assert await told(http) == {"countries": {}, "somewhere": 5}


async def test_a_header_counts_only_where_the_host_says_so(countries: CountryDatabase) -> None:
    clock = Clock()
    picture = LivePicture(countries, "", clock)
    async with asking(picture) as http:
        for part in range(5):
            come(picture, f"11.{part}.0.1", f"11.{part}.0.1")
        clock.later()
        assert await told(http) == {"countries": {}, "somewhere": 0}


async def test_readers_who_were_given_a_bridge_are_seen_and_no_others(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(LivePicture, "saw", lambda self, request, offer: seen.append(offer))
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


async def test_what_is_kept_goes_by_itself_when_nobody_comes_or_asks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_picture, "CENSUS_SECONDS", 0)  # of the timer alone
    monkeypatch.setattr(live_picture, "CENSUS_STEP_SECONDS", 0)
    clock = Clock()
    picture = LivePicture(None, HEADER, clock)
    come(picture, "11.1.0.1")
    for _ in range(20):
        await asyncio.sleep(0)
    assert not picture._census.is_empty  # its time is not over
    clock.now = 3.0 * CENSUS_SECONDS
    async with asyncio.timeout(5):
        while not picture._census.is_empty:
            await asyncio.sleep(0)
