"""A client whom the host does not admit: it ends with the host's own reason, and with nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses

import msgspec
import pytest
from aiohttp import web

from freespan.wire.bond_frames import NO_SESSION, NOT_OPENED, Refused, encode_refused
from freespan.wire.errors import NotAdmittedError, StreamError
from freespan.wire.invite import Invite
from tests.support.guests import List, a_list, record, token
from tests.support.invites import invite_to
from tests.support.serving import serving
from tests.support.site import SMALL, Site
from tests.support.whole_path import QUICK, SECONDS, Host, RunningClient, running_bridge, running_client, running_host

REVOKED = "this invite was revoked by the host: ask for a new one"


def hers(host: Host, name: str = "anna") -> Invite:
    return msgspec.structs.replace(host.invite, token=token(name))


async def end_of(reader: RunningClient) -> NotAdmittedError:
    """Why the client has ended; its last status says the same."""
    error = await reader.outcome()
    assert isinstance(error, NotAdmittedError)
    assert (reader.statuses.all[-1].state, reader.statuses.all[-1].detail) == ("failed", str(error))
    return error


@pytest.mark.parametrize("transport", ["webrtc", "websocket"])
async def test_a_reader_whose_invite_was_revoked_is_told_and_nobody_is_blamed(transport: str) -> None:
    invites = a_list(record("anna", "2026-11-29"), is_open=True)
    async with (
        running_host(guests=invites.guests) as host,
        running_bridge(host.url),
        running_client(hers(host), transport, QUICK) as reader,  # type: ignore[arg-type]
    ):
        assert str(await end_of(reader)) == REVOKED
        assert not reader.client._evidence.is_enough(0.0)
        assert [status.state for status in reader.statuses.all].count("looking") == 1


async def test_in_the_middle_of_a_download_the_session_ends_with_the_reason_and_others_go_on(site: Site) -> None:
    invites: List = a_list(record("anna", rate=500_000), record("bela"))
    async with (
        running_host(guests=invites.guests) as host,
        running_bridge(host.url),
        running_client(hers(host), settings=QUICK) as reader,
        running_client(hers(host, "bela"), settings=QUICK) as other,
    ):
        downloading = asyncio.create_task(reader.ask(site.port, "/file?bytes=50000000"), name="download")
        assert (await other.ask(site.port)).endswith(SMALL)
        async with asyncio.timeout(SECONDS):
            while not invites.of("anna").down:
                await asyncio.sleep(0.01)
        invites.revoke("anna")
        assert str(await end_of(reader)) == REVOKED
        with pytest.raises(StreamError):
            await downloading
        assert (await other.ask(site.port)).endswith(SMALL)


async def test_one_more_than_the_invite_allows_waits_for_a_moment_and_then_ends(site: Site) -> None:
    invites = a_list(record("anna", sessions=1))
    settings = dataclasses.replace(QUICK, crowded_seconds=0.3)
    async with running_host(guests=invites.guests) as host, contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running_bridge(host.url))
        async with running_client(hers(host), "websocket", QUICK) as first:
            await first.statuses.until("open")
            await host.until(sessions=1)
            async with running_client(hers(host), settings=settings) as second:
                waiting = await second.statuses.until("waiting")
                assert "in use on as many devices as the host allows" in waiting.detail
                assert (await end_of(second)).code == "invite_sessions"
                assert not any("--allow-direct" in status.detail for status in second.statuses.all)
            assert (await first.ask(site.port)).endswith(SMALL)
            patient = dataclasses.replace(QUICK, crowded_seconds=SECONDS)
            third = await stack.enter_async_context(running_client(hers(host), "websocket", patient))
            await third.statuses.until("waiting")
        await third.statuses.until("open")


@pytest.mark.parametrize(
    ("forged", "state"),
    [
        (Refused(NO_SESSION, bytes(112)), "waiting"),
        (Refused(NO_SESSION), "waiting"),
        (Refused(9, bytes(16)), "waiting"),
        (Refused(NOT_OPENED), "failed"),
    ],
    ids=["another key", "no proof", "unknown", "cannot be opened"],
)
async def test_what_somebody_on_the_way_makes_up_ends_no_client(forged: Refused, state: str) -> None:
    """That a host cannot open anything counts like a wrong key: it is reported, and the client goes on."""
    calls = 0

    async def egress(request: web.Request) -> web.WebSocketResponse:
        nonlocal calls
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        calls += 1
        if calls <= 5:  # at last it says nothing, and the client waits
            await socket.send_bytes(encode_refused(forged))
        await socket.receive()
        return socket

    async with (
        serving([web.get("/v1/egress", egress)]) as url,
        running_client(invite_to(url), "websocket", QUICK) as reader,
    ):
        await reader.statuses.until(state)
        async with asyncio.timeout(SECONDS):
            while calls <= 5:
                await asyncio.sleep(0.01)
        assert not reader.task.done()
        assert {status.state for status in reader.statuses.all} <= {"looking", "waiting", state}
