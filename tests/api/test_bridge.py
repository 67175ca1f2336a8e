"""`freespan.Bridge`: joins, helps, counts, ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import freespan
from tests.api.conftest import SECONDS
from tests.api.test_client import get
from tests.support.site import SMALL, Site


async def test_it_waits_helps_and_counts(host: freespan.Host, site: Site) -> None:
    async with freespan.Bridge(host.url, capacity=1) as bridge, asyncio.timeout(SECONDS):
        assert bridge.status.state == "waiting"
        events = bridge.events()
        assert (await anext(events)).state == "waiting"
        async with freespan.connect(host.invite) as client:
            assert await get(client, site.port) == SMALL
            assert bridge.status.state == "helping"
        async for status in events:
            if status.state == "waiting" and status.total == 1:
                break
    assert [status async for status in events] == []


@pytest.mark.parametrize("url", ["", "hello", "ftp://x", "http://", "http://[::1"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(freespan.InputError, match="URL: must be the http or https URL of a host"):
        freespan.Bridge(url)


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://мост.example/garden/", "https://xn--l1aeje.example/garden"),
        ("HTTPS://Faß.example:8443", "https://xn--fa-hia.example:8443"),
        ("https://پل‌ها.example", "https://xn--mgb1dj2t918i.example"),
        ("https://Bridge.example", "https://bridge.example"),
    ],
)
def test_a_host_may_have_a_name_in_any_script(url: str, asked: str) -> None:
    assert freespan.Bridge(url).url == asked


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"capacity": 0}, "capacity: must be from 1 to 64"),
        ({"capacity": 65}, "capacity: must be from 1 to 64"),
        ({"capacity": "8"}, "capacity: must be a whole number"),
        ({"timeout": -1}, "timeout: must be a number of seconds, 0 or more"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_used(given: dict[str, Any], message: str) -> None:
    with pytest.raises(freespan.InputError, match=message):
        freespan.Bridge("http://x", **given)


async def test_a_url_at_which_there_is_no_broker(host: freespan.Host) -> None:
    with pytest.raises(freespan.RendezvousError, match=r"no host at this path \(404\): check the address"):
        async with freespan.Bridge(f"{host.url}/wrong", timeout=2):
            pytest.fail("there is no broker")


async def test_no_broker_in_time() -> None:
    with pytest.raises(
        freespan.RendezvousError, match="the broker did not answer within 0 s: the host refuses"
    ) as caught:
        async with freespan.Bridge("http://127.0.0.1:1", timeout=0.2):
            pytest.fail("there is no host")
    assert (caught.value.code, caught.value.retry) == ("unreachable", True)


async def test_without_waiting_it_tries_again_and_again() -> None:
    async with freespan.Bridge("http://127.0.0.1:1", timeout=0) as bridge, asyncio.timeout(SECONDS):
        events = bridge.events()
        assert [(await anext(events)).state for _ in range(2)] == ["connecting", "offline"]


async def test_it_runs_once(host: freespan.Host) -> None:
    bridge = freespan.Bridge(host.url)
    async with bridge:
        pass
    with pytest.raises(RuntimeError, match="make another one"):
        await bridge.__aenter__()
    await bridge.wait_closed()
