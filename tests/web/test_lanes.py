"""Lanes of the bridge page."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from freespan.browsers import Browser, Page, switch
from freespan.client.lanes.controller import LaneController
from freespan.client.settings import ClientSettings
from freespan.demo.payload import sha256_of
from freespan.web.static_files import routes as switch_routes
from freespan.wire.target import Target
from tests.support import lane_rules
from tests.support.serving import serving
from tests.support.site import served as site_served
from tests.support.whole_path import SECONDS, Host, read_all, running_client
from tests.web.fakes import FakeHost, FakeSite, served, state, turn_on

SIZE = 2_000_000
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_rules(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    await lane_rules.lanes_carry_and_end_with_the_first_pipe(host, bridge)


async def test_there_is_a_maximum_of_lanes(page: Page, host: FakeHost) -> None:
    await lane_rules.there_are_so_many_and_no_more(host, await turn_on(page, host))


async def test_a_malformed_offer_is_refused(page: Page, host: FakeHost) -> None:
    await lane_rules.an_unusable_offer_is_refused(host, await turn_on(page, host))


async def test_a_lane_cannot_ask_for_lanes(page: Page, host: FakeHost) -> None:
    await lane_rules.a_lane_cannot_ask_for_lanes(host, await turn_on(page, host))


async def test_a_lane_names_addresses_of_the_first_offer_alone(page: Page, host: FakeHost) -> None:
    await lane_rules.a_lane_names_addresses_of_the_first_offer_alone(host, await turn_on(page, host))


async def test_asking_without_end_ends_the_session(page: Page, host: FakeHost) -> None:
    await lane_rules.asking_without_end_ends_the_session(host, await turn_on(page, host))


async def test_lanes_that_never_open_become_rare(page: Page, host: FakeHost) -> None:
    await lane_rules.lanes_that_never_open_become_rare(host, await turn_on(page, host))


@pytest.mark.parametrize("malformed", [lane_rules.BAD_MESSAGES[0], lane_rules.BAD_MESSAGES[3]], ids=["text", "bytes"])
async def test_bad_messages_end_the_session(page: Page, host: FakeHost, malformed: str | bytes) -> None:
    await lane_rules.bad_messages_end_the_session(host, await turn_on(page, host), malformed)


async def test_a_download_through_lanes_of_a_browser_is_whole(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LaneController, "on_second", lambda controller, *_: setattr(controller, "links_wanted", 4))
    place, host = FakeSite(), Host()
    routes = [*host.broker.routes(), *host.egress.routes(), *switch_routes(lambda: host.url)]
    async with asyncio.timeout(SECONDS), serving(routes) as host.url, served(place):
        place.page = f'<script type="module" src="{host.url}/switch.js"></script><freespan-switch></freespan-switch>'
        page = await browser.open(place.url)
        await switch.turn_on(page)
        await state(page, "waiting")
        with site_served() as site:
            async with running_client(host.invite, settings=ClientSettings(report_seconds=0.02)) as reader:
                tunnel = await reader.client.tunnel(SECONDS)
                while len(reader.client._links.bond.stats().links if reader.client._links else ()) < 4:
                    await asyncio.sleep(0.01)
                stream = await tunnel.connect(
                    Target("site.test", site.port), f"GET /file?bytes={SIZE} HTTP/1.0\r\n\r\n".encode()
                )
                body = (await read_all(stream)).partition(b"\r\n\r\n")[2]
                assert hashlib.sha256(body).hexdigest() == sha256_of(SIZE)
                assert reader.client._links is not None
                assert min(link.bytes_received for link in reader.client._links.bond.stats().links) > 16_000
        await page.close()
        host.egress.close()
        host.dialer.close()
    assert host.counters.rendezvous.labels("answered").exact == 1
