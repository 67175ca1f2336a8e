"""The dialer: what it resolves, what it dials, and with which errors it fails."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from typing import Any

import pytest

from freespan.egress import dialer as module
from freespan.egress.dialer import Dialer
from freespan.egress.policy import Policy
from freespan.egress.settings import EgressSettings
from tests.egress.dialing import LOOPBACK, PRIVATE, Names, failure, request
from tests.support.site import Site

DEFAULTS = EgressSettings()


async def test_an_address(site: Site) -> None:
    assert await request(Dialer(PRIVATE), "127.0.0.1", site.port) == b"HTTP/1.1 200 OK\r\n"


async def test_a_name_of_the_host_needs_no_resolver(site: Site, names: Names) -> None:
    dialer = Dialer(PRIVATE, {"blocked.test": LOOPBACK})
    assert await request(dialer, "blocked.test", site.port) == b"HTTP/1.1 200 OK\r\n"
    assert names.asked == []


async def test_a_resolved_name(site: Site, names: Names) -> None:
    names.answers["site.test"] = ["127.0.0.1"]
    assert await request(Dialer(PRIVATE), "site.test", site.port) == b"HTTP/1.1 200 OK\r\n"
    assert names.asked == ["site.test"]


async def test_the_first_address_that_answers(site: Site, names: Names) -> None:
    """127.0.0.2 refuses, and that costs nothing."""
    names.answers["site.test"] = ["127.0.0.2", "127.0.0.1"]
    assert await request(Dialer(PRIVATE), "site.test", site.port) == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "168.63.129.16", "0.0.0.0"])
async def test_a_name_that_leads_inside(names: Names, dialed: list[str], address: str) -> None:
    names.answers["inside.example"] = [address]
    assert await failure(Dialer(Policy()), "inside.example") == "destination_ip_prohibited"
    assert dialed == []


async def test_a_name_of_the_host_that_leads_inside(dialed: list[str]) -> None:
    assert (
        await failure(Dialer(Policy(), {"inside.example": LOOPBACK}), "inside.example") == "destination_ip_prohibited"
    )
    assert dialed == []


async def test_only_the_addresses_that_were_checked_are_dialed(names: Names, dialed: list[str]) -> None:
    """A name is resolved once, so that a second answer cannot lead elsewhere."""
    names.answers["both.example"] = ["127.0.0.1", "1.1.1.1", "10.0.0.1", "1.0.0.1"]
    assert await failure(Dialer(Policy()), "both.example") == "connection_refused"
    assert dialed == ["1.1.1.1", "1.0.0.1"]
    assert names.asked == ["both.example"]


async def test_no_more_than_eight_addresses(names: Names, dialed: list[str]) -> None:
    names.answers["many.example"] = [f"1.1.1.{number}" for number in range(1, 101)]
    await failure(Dialer(Policy()), "many.example")
    assert len(dialed) == 8


async def test_a_host_outside_the_list_is_not_even_resolved(names: Names, dialed: list[str]) -> None:
    assert await failure(Dialer(Policy.of(["news.example"])), "evilnews.example") == "http_request_denied"
    assert await failure(Dialer(Policy()), "mail.example", 25) == "http_request_denied"
    assert names.asked == dialed == []


async def test_a_literal_address_inside(names: Names, dialed: list[str]) -> None:
    for host in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fd00:ec2::254"):
        assert await failure(Dialer(Policy()), host) == "destination_ip_prohibited"
    assert names.asked == dialed == []


async def test_a_name_that_nobody_knows(names: Names) -> None:
    assert await failure(Dialer(Policy()), "nobody.example") == "dns_error"


async def test_the_own_addresses_of_this_machine_are_not_dialed(
    dialed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public as they may be, what listens there may be meant for the machine's own network alone."""
    monkeypatch.setattr(module, "is_own", lambda address: str(address) == "9.9.9.9")
    assert await failure(Dialer(Policy()), "9.9.9.9") == "destination_ip_prohibited"
    assert dialed == []
    assert await failure(Dialer(Policy.of(["9.9.9.9"])), "9.9.9.9") == "connection_refused"
    assert await failure(Dialer(PRIVATE), "9.9.9.9") == "connection_refused"
    assert await failure(Dialer(Policy()), "1.1.1.1") == "connection_refused"
    assert dialed == ["9.9.9.9", "9.9.9.9", "1.1.1.1"]


@pytest.mark.parametrize("address", ["::ffff:9.9.9.9", "64:ff9b::9.9.9.9", "2a00:64::9.9.9.9"])
async def test_the_own_addresses_are_not_dialed_by_a_translator_either(
    dialed: list[str], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(module, "is_own", lambda address: str(address) == "9.9.9.9")
    policy = Policy(nat64=frozenset({ipaddress.IPv6Network("2a00:64::/96")}))
    assert await failure(Dialer(policy), address) == "destination_ip_prohibited"
    assert dialed == []


async def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert await failure(Dialer(PRIVATE), "127.0.0.1", bound.getsockname()[1]) == "connection_refused"


async def test_a_site_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start_connection(infos: Any, **_: Any) -> socket.socket:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(module, "start_connection", start_connection)
    assert (
        await failure(Dialer(PRIVATE, settings=EgressSettings(dial_seconds=0.05)), "127.0.0.1") == "connection_timeout"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENETUNREACH, "x"), "destination_ip_unroutable"),
        (OSError(errno.EHOSTUNREACH, "x"), "destination_ip_unroutable"),
        (OSError(errno.ETIMEDOUT, "x"), "connection_timeout"),
        (OSError(errno.ECONNRESET, "x"), "connection_terminated"),
        (OSError("several reasons"), "connection_terminated"),
    ],
)
async def test_other_failures(monkeypatch: pytest.MonkeyPatch, error: OSError, expected: str) -> None:
    async def start_connection(infos: Any, **_: Any) -> socket.socket:
        raise error

    monkeypatch.setattr(module, "start_connection", start_connection)
    assert await failure(Dialer(PRIVATE), "127.0.0.1") == expected
