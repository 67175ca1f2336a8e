"""A reader's doctor: each endpoint and each transport by themselves, in a report that names nobody."""

from __future__ import annotations

import socket

import msgspec
import pytest

from freespan.client.http_session import http_session
from freespan.doctor.client import Reader
from freespan.doctor.examination import examine
from freespan.doctor.findings import Finding
from freespan.doctor.settings import DoctorSettings
from freespan.wire.invite import Invite
from tests.support.reverse_proxy import Faults, refusing, reverse_proxy, without
from tests.support.whole_path import QUICK, running_bridge, running_host

PATIENCE = DoctorSettings(session_seconds=6.0, answer_seconds=3.0, stun_seconds=0.2, port=0)


async def looked_at(invite: Invite) -> dict[str, Finding]:
    async with http_session() as http:
        report = [each async for each in examine(Reader(invite, http, PATIENCE, QUICK).checks())]
    said = "\n".join(f"{each.check.title}: {each.finding.text} {each.finding.advice}" for each in report)
    for url in invite.endpoints:
        assert url.partition("//")[2] not in said
    return {each.check.id: each.finding for each in report}


async def test_every_way_that_works() -> None:
    async with running_host() as host, running_bridge(host.url) as bridge, reverse_proxy(host.url) as other:
        await bridge.statuses.until("waiting")
        found = await looked_at(host.invite_to(host.url, fronts=(other,)))
    assert {name for name, finding in found.items() if finding.state != "good"} == set()
    assert {"webrtc", "turn", "websocket", "front1.websocket", "front1.answer", "host.certificate"} <= set(found)


async def test_a_host_without_bridges_is_not_called_broken() -> None:
    async with running_host() as host:
        found = await looked_at(host.invite)
    assert (found["webrtc"].state, found["webrtc"].code) == ("note", "no_bridge")
    assert found["websocket"].state == "good"


async def test_a_host_that_is_away_while_its_front_leads_nowhere() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}/quiet-path"
        async with (
            running_host() as host,
            reverse_proxy(host.url, Faults(refuses=lambda path, head: "502 Bad Gateway")) as bad,
        ):
            found = await looked_at(host.invite_to(away, fronts=(bad,)))
    assert found["host.connection"].code == "refused"
    assert found["websocket"].state == "skipped"
    assert found["front1.answer"].code == "gateway"
    assert found["webrtc"].state == "bad"


@pytest.mark.parametrize(
    ("faults", "check", "code"),
    [
        (Faults(request=without("Upgrade")), "websocket", "no_session"),
        (Faults(refuses=refusing("413 Content Too Large", "rendezvous")), "host.answer", "too_large"),
        (Faults(refuses=refusing("404 Not Found", "rendezvous")), "host.answer", "not_found"),
        (Faults(refuses=refusing("403 Forbidden", "rendezvous")), "host.answer", "forbidden"),
    ],
)
async def test_what_a_server_in_front_spoils(faults: Faults, check: str, code: str) -> None:
    async with running_host() as host, reverse_proxy(host.url, faults) as url:
        found = await looked_at(host.invite_to(url))
    assert (found[check].state, found[check].code) == ("bad", code), found


async def test_a_host_with_another_key() -> None:
    async with running_host() as host:
        other = msgspec.structs.replace(host.invite, sealing_key=bytes([9, *bytes(30), 1]))
        found = await looked_at(other)
    assert (found["host.answer"].state, found["host.answer"].code) == ("bad", "wrong_key")
