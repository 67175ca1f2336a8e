"""What a client says of a wait, and what a program hears whose request waits with it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses

import pytest

from freespan.client import client as client_module
from freespan.client.settings import ClientSettings
from freespan.client.status import ClientStatus, Trouble, proxy_status_of, status_of_failure, status_of_session
from freespan.link.bond.settings import BondSettings
from freespan.tunnel.identity import new_identity
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.support.site import Site
from tests.support.whole_path import (
    QUICK,
    SECONDS,
    Host,
    RunningClient,
    running_bridge,
    running_client,
    running_host,
)

HASTY = dataclasses.replace(QUICK, stream_open_seconds=0.05)
"""Has no patience with sites."""


async def without_its_bridge(
    stack: contextlib.AsyncExitStack, host: Host, settings: ClientSettings = HASTY
) -> RunningClient:
    """A client with an open session whose only bridge has left."""
    only = await stack.enter_async_context(running_bridge(host.url))
    reader = await stack.enter_async_context(running_client(host.invite, settings=settings))
    await reader.statuses.until("open")
    await joinable(reader)
    await only.stop()
    await reader.statuses.until("waiting")
    return reader


async def joinable(reader: RunningClient) -> None:
    """Wait until the session outlives its first link."""
    async with asyncio.timeout(SECONDS):
        while reader.client._links is None or not reader.client._links.bond.is_joinable:
            await asyncio.sleep(0.005)


def asking(reader: RunningClient, site: Site) -> asyncio.Task[None]:
    async def ask() -> None:
        async with reader.client.open_stream(Target("site.test", site.port)):
            pass

    return asyncio.create_task(ask(), name="request")


async def tries(reader: RunningClient, count: int = 4) -> ClientStatus:
    """Wait until the client has looked for a bridge so many times."""
    for _ in range(count - 1):
        await reader.statuses.until("waiting")
    return await reader.statuses.until("waiting")


async def refusal_of(request: asyncio.Task[None]) -> ProxyStatus:
    async with asyncio.timeout(SECONDS):
        with pytest.raises(StreamError) as caught:
            await request
    return caught.value.status


# --- without a bridge ------------------------------------------------------------------------------
async def test_a_request_waits_for_a_bridge_with_its_session(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        patient = dataclasses.replace(HASTY, stream_open_seconds=2.0)
        reader = await without_its_bridge(stack, host, patient)
        request = asking(reader, site)
        await tries(reader)
        assert not request.done()
        await stack.enter_async_context(running_bridge(host.url))
        await reader.statuses.until("open")
        async with asyncio.timeout(SECONDS):
            await request


async def test_a_request_that_would_have_timed_out_waits_as_well(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        reader = await without_its_bridge(stack, host)
        request = asking(reader, site)
        until = asyncio.get_running_loop().time() + 2 * HASTY.stream_open_seconds
        while asyncio.get_running_loop().time() < until:
            await tries(reader, 1)
        assert not request.done()


async def test_a_request_ends_with_its_session_and_says_why(host: Host, site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        bond = BondSettings(wait_seconds=0.3)
        reader = await without_its_bridge(stack, host, dataclasses.replace(HASTY, bond=bond))
        status = await refusal_of(asking(reader, site))
        assert (status.error, status.reason, status.http_status) == ("destination_unavailable", "no-bridge", 503)
        assert status.header() == 'freespan; error=destination_unavailable; details="no-bridge"'
        assert "no bridge" in status.sentence()


async def test_without_a_session_a_program_hears_what_the_client_knows(host: Host) -> None:
    async with running_client(host.invite, settings=QUICK) as reader:
        await tries(reader, 1)
        with pytest.raises(StreamError) as caught:
            await reader.client.tunnel(0.05)
        assert caught.value.status.reason == "no-bridge"
        assert str(caught.value) == "no bridge is free right now"


async def test_whoever_waits_hears_at_once_that_no_session_will_come(host: Host) -> None:
    async with running_host() as other:
        invite = host.invite_to(other.url)
        async with running_client(invite, settings=QUICK) as reader:
            async with asyncio.timeout(SECONDS):
                with pytest.raises(StreamError) as caught:
                    await reader.client.tunnel(10 * SECONDS)
        assert caught.value.status.reason == "host-key"


# --- what a session without a link knows -----------------------------------------------------------
async def test_a_host_that_is_gone_is_told_from_a_bridge_that_is_gone(site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running_host() as host:
            reader = await without_its_bridge(stack, host)
            assert (await tries(reader)).cause == "no_bridge"
        gone = await reader.statuses.until("waiting", cause="refused")
        assert "the host refuses the connection" in gone.detail
        assert "open connections continue" in gone.detail
        assert gone.since > 0


async def test_a_new_key_of_the_host_is_found_without_a_bridge(site: Site) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running_host() as host:
            reader = await without_its_bridge(stack, host)
            port = host.port
        await stack.enter_async_context(running_host(port, new_identity()))
        found = await reader.statuses.until("waiting", cause="not_opened")
        assert "another key than the invite" in found.detail


async def test_a_new_key_is_found_before_there_is_any_session(host: Host) -> None:
    async with running_host() as other, running_client(host.invite_to(other.url), settings=QUICK) as reader:
        failed = await reader.statuses.until("failed")
        assert failed.cause == "not_opened"
        assert "by the word of what answers at its address" in failed.detail  # it has not proved anything
        await reader.statuses.until("looking")  # so the client goes on


async def test_what_a_front_says_of_keys_ends_nothing(host: Host) -> None:
    """The host itself is down, so nobody contradicts the front; but it is no word of the host."""
    async with running_host() as other:
        invite = host.invite_to("http://127.0.0.1:1", fronts=(other.url,))
        async with running_client(invite, settings=QUICK) as reader:
            await tries(reader, 5)
            assert not [status for status in reader.statuses.all if status.state == "failed"]


# --- sleep -----------------------------------------------------------------------------------------
async def test_a_machine_that_was_asleep_says_so(host: Host, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(client_module, "sleepless_clock", lambda: clock[0])
    settings = dataclasses.replace(HASTY, sleep_tick_seconds=0.01, bond=BondSettings(wait_seconds=0.1))
    async with contextlib.AsyncExitStack() as stack:
        only = await stack.enter_async_context(running_bridge(host.url))
        reader = await stack.enter_async_context(running_client(host.invite, settings=settings))
        await reader.statuses.until("open")
        await joinable(reader)
        clock[0] += 1_200.0
        async with asyncio.timeout(SECONDS):
            while not reader.client._recent_sleep:
                await asyncio.sleep(0.005)
        await only.stop()
        assert "this machine was asleep for 20 minutes" in (await reader.statuses.until("waiting")).detail
        assert "this machine was asleep for 20 minutes" in (await reader.statuses.until("looking")).detail


# --- words -----------------------------------------------------------------------------------------
def test_a_long_wait_says_how_long_it_is_and_what_to_do() -> None:
    none = Trouble("no_bridge", "no bridge is free right now")
    long = status_of_failure(none, 30.0, since=1_000.0, waited=200.0, is_kept_on_bridges=True)
    assert long.detail == (
        "no bridge is free right now, for 3 minutes; next try in 30 s: volunteers come and go, so leave this running"
        " (--allow-direct goes without a bridge, straight to the host)"
    )
    assert (long.reason, long.cause, long.since) == ("no bridge is free right now", "no_bridge", 1_000.0)
    down = status_of_failure(Trouble("gateway", "the host is down"), 30.0, waited=7_300.0, is_kept_on_bridges=True)
    assert down.detail == "the host is down, for 2 hours; next try in 30 s"


def test_a_session_says_why_it_gets_no_link() -> None:
    none = Trouble("no_bridge", "no bridge is free right now")
    assert status_of_session("webrtc", 0, trouble=none, waited=130.0).detail == (
        "no bridge is left, and none is free, for 2 minutes; open connections continue when another one comes"
    )
    down = Trouble("gateway", "the host is down")
    assert status_of_session("turn", 0, trouble=down).detail == (
        "no bridge is left (the host is down); open connections continue when another one comes"
    )
    assert (
        status_of_session("websocket", 0, trouble=down).reason
        == "the connection to the host is lost (the host is down)"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        *(("no_bridge", "no-bridge"), ("bridge_timeout", "no-bridge"), ("bridge_failed", "no-bridge")),
        *(("clock", "clock"), ("certificate_expired", "certificate"), ("no_authorities", "certificate")),
        *(("dns_forged", "dns"), ("no_network", "no-network"), ("not_opened", "host-key"), ("wrong_key", "host-key")),
        *(("invite_revoked", "not-admitted"), ("gateway", "no-host"), ("refused", "no-host"), ("busy", "no-host")),
        *(("asleep", "asleep"), ("host_restarted", "host-restarted"), ("", "")),
    ],
)
def test_what_a_program_hears(code: str, reason: str) -> None:
    status = proxy_status_of(Trouble(code, "because"))
    assert (status.reason, status.sentence(), status.http_status) == (reason, "because", 503)
