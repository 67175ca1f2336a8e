"""The self-test ("Is it working?"): its results with hosts of all kinds, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from freespan.browsers import Page
from tests.support.stun import StunServer, cone, mute, need_private_addresses, stun_server, symmetric
from tests.support.whole_path import running_host
from tests.web.fakes import FakeHost, FakeSite, soon

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNREACHED = {"broker": False, "stun": None, "egress": None, "nat": "", "reader": "no"}


@pytest_asyncio.fixture(loop_scope="session")
async def stun(host: FakeHost) -> AsyncIterator[StunServer]:
    async with stun_server(cone, need_private_addresses()) as server:
        host.ice_servers = [server.ice_server]
        yield server


async def result_at(page: Page, url: str) -> tuple[dict[str, Any], list[str]]:
    """The result, and the sentences that describe it; the iframe must be gone by then."""
    result, keys, frames = await page.evaluate(
        f"""await (async () => {{
            const {{ test, sentences }} = await import("{url}/element/tester.js");
            const result = await test("{url}/", document.body);
            return [result, sentences(result), document.body.querySelectorAll("iframe").length];
        }})()"""
    )
    assert frames == 0
    return result, keys


async def at(page: Page, host: FakeHost) -> tuple[dict[str, Any], list[str]]:
    """The same, at a broker that welcomes whoever only looks; all that was opened must be gone at the end."""
    testing = asyncio.create_task(result_at(page, host.url))
    broker = await host.bridge(capacity=0)
    found = await testing
    await soon(broker.gone.wait())
    while not host.links.empty():
        link = await host.link()
        await soon(link.gone.wait())
        assert link.received.empty()
    assert broker.received.empty()
    return found


# --- what it finds -------------------------------------------------------------------------------
async def test_all_is_well(page: Page, host: FakeHost, stun: StunServer) -> None:
    result, keys = await at(page, host)
    assert result == {"broker": True, "stun": True, "egress": True, "nat": "cone", "reader": "yes"}
    assert keys == ["broker_reached", "stun_reached", "egress_reached", "nat_cone", "reader_yes"]
    assert host.origins == ["null"]  # of the sandbox


async def test_a_symmetric_nat(page: Page, host: FakeHost, stun: StunServer) -> None:
    stun.mapping = symmetric
    result, keys = await at(page, host)
    assert (result["nat"], result["reader"]) == ("symmetric", "mostly")
    assert keys[-2:] == ["nat_symmetric", "reader_mostly"]


async def test_a_broker_that_is_away(page: Page, host: FakeHost) -> None:
    host.away = True
    result, keys = await result_at(page, host.url)
    assert result == UNREACHED
    assert keys == ["broker_not_reached", "reader_no"]


async def test_a_broker_that_violates_the_protocol(page: Page, host: FakeHost) -> None:
    for words in (
        "{",
        '{"type": "ping"}',
        '{"type": "welcome", "egress": "https://host.example"}',
        '{"type": "welcome", "egress": "wss://host.example", "ice_servers": [{"urls": ["turn:host.example:1"]}]}',
    ):
        testing = asyncio.create_task(result_at(page, host.url))
        broker = await soon(host.bridges.get())
        await broker.socket.send_str(words)
        assert (await testing)[0] == UNREACHED, words
        await soon(broker.gone.wait())


async def test_no_answer_by_udp(page: Page, host: FakeHost, stun: StunServer) -> None:
    stun.mapping = mute
    result, keys = await at(page, host)
    assert result == {"broker": True, "stun": False, "egress": True, "nat": "", "reader": "no"}
    assert keys == ["broker_reached", "stun_not_reached", "egress_reached", "reader_no"]
    assert all(stun.asked)


async def test_the_next_stun_server_helps(page: Page, host: FakeHost, stun: StunServer) -> None:
    stun.mapping = mute
    async with stun_server(cone, need_private_addresses()) as other:
        host.ice_servers.append(other.ice_server)
        result, _ = await at(page, host)
    assert (result["stun"], result["reader"]) == (True, "yes")


async def test_an_egress_that_refuses(page: Page, host: FakeHost, stun: StunServer) -> None:
    host.egress_away = True
    result, keys = await at(page, host)
    assert result == {"broker": True, "stun": True, "egress": False, "nat": "cone", "reader": "no"}
    assert keys == ["broker_reached", "stun_reached", "egress_not_reached", "nat_cone", "reader_no"]


async def test_without_a_stun_server_udp_is_unknown(page: Page, host: FakeHost) -> None:
    result, keys = await at(page, host)
    assert result == {"broker": True, "stun": None, "egress": True, "nat": "", "reader": "mostly"}
    assert keys == ["broker_reached", "egress_reached", "reader_mostly"]


async def test_a_real_host(page: Page, site: FakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """Its broker takes the test for no bridge, its egress the link for nothing, and neither has a word to say of it."""
    caplog.set_level(logging.INFO)
    async with running_host() as host:
        result, _ = await result_at(page, host.url)
        assert (result["broker"], result["egress"]) == (True, True)
        figures = host.counters.figures()
        assert (figures.bridges, figures.sessions) == (0, 0)
    assert [record for record in caplog.records if record.name.startswith(("freespan", "aiohttp.server"))] == []


# --- who may ask, and who answers ----------------------------------------------------------------
async def test_a_page_that_forbids_the_iframe(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers["Content-Security-Policy"] = "frame-src 'none'"
    await page.navigate(site.url)
    impatient = "window.setTimeout = ((set) => (call, ms) => set(call, ms / 100))(window.setTimeout), 1"
    await page.evaluate(impatient)
    result, keys = await result_at(page, host.url)
    assert (result, keys) == (UNREACHED | {"broker": None}, ["blocked", "reader_no"])
    assert host.bridges_seen == 0


async def test_messages_from_others_are_ignored(page: Page, host: FakeHost) -> None:
    """Neither does the page answer to a frame of its own page, nor the embedding page believe somebody else."""
    lie = json.dumps({"freespan": 1, "type": "tested", "broker": True, "reader": "yes"})
    testing = asyncio.create_task(result_at(page, host.url))
    broker = await soon(host.bridges.get())
    await page.evaluate(f"window.postMessage({lie}, '*'), 1")
    await broker.socket.close()
    assert (await testing)[0] == UNREACHED


async def test_it_does_nothing_where_it_is_not_embedded(page: Page, host: FakeHost) -> None:
    await page.navigate(host.url + "/self-test")
    await page.evaluate("window.postMessage({freespan: 1, type: 'test'}, '*'), 1")
    await page.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert host.bridges_seen == 0
