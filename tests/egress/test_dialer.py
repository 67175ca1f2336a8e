"""The dialer: what it resolves, what it dials, and with which errors it fails."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from freespan.egress import dialer as module
from freespan.egress import own_addresses
from freespan.egress.dialer import Dialer
from freespan.egress.own_addresses import is_own
from freespan.egress.policy import Policy
from freespan.egress.settings import EgressSettings
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.support.site import Site

DEFAULTS = EgressSettings()

LOOPBACK = ipaddress.ip_address("127.0.0.1")
PRIVATE = Policy(allow_private=True)


class Names:
    """Stands in for DNS: `answers` by name; who is not there is not known."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.slow = threading.Event()
        self.slow.set()

    def getaddrinfo(self, host: str, port: Any, **_: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        self.slow.wait(20)
        return self.answer(host)

    def answer(self, host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.answers[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.slow.set()


@pytest.fixture
def dialed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that would be dialed; each refuses."""
    addresses: list[str] = []

    async def start_connection(infos: Any, **_: Any) -> socket.socket:
        addresses.extend(info[4][0] for info in infos)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(module, "start_connection", start_connection)
    return addresses


async def failure(dialer: Dialer, host: str, port: int = 80) -> str:
    """The error of a dial that must fail."""
    try:
        with pytest.raises(StreamError) as caught:
            await dialer.dial(Target(host, port))
    finally:
        dialer.close()
    return caught.value.status.error


async def request(dialer: Dialer, host: str, port: int) -> bytes:
    reader, writer = await dialer.dial(Target(host, port))
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()
    dialer.close()
    return answer


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


async def test_a_resolver_that_is_slow_holds_up_nobody_else(names: Names, site: Site) -> None:
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(resolve_seconds=0.1))
    waiting = asyncio.create_task(failure(dialer, "slow.example"), name="slow")
    assert await request(Dialer(PRIVATE), "127.0.0.1", site.port)
    assert await waiting == "dns_timeout"


async def test_slow_names_of_one_session_hold_up_nobody_else(
    names: Names, dialed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even after their waits have ended, since their threads have not."""
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(resolve_seconds=0.1))
    slow = [dialer.dial(Target(f"slow{number}.example", 80), "one") for number in range(100)]
    errors = await asyncio.gather(*slow, return_exceptions=True)
    assert {str(error) for error in errors} == {str(StreamError(ProxyStatus("dns_timeout")))}
    assert len(names.asked) == DEFAULTS.lookups_per_session_max
    dialer._resolver._settings = EgressSettings(resolve_seconds=20.0)
    names.answers["good.example"] = ["127.0.0.1"]
    monkeypatch.setattr(socket, "getaddrinfo", names.answer)
    assert await failure(dialer, "good.example") == "connection_refused"


async def test_places_come_back_when_the_threads_end(names: Names, dialed: list[str]) -> None:
    dialer = Dialer(PRIVATE)
    names.answers |= {f"{number}.example": ["127.0.0.1"] for number in range(50)}
    dials = [dialer.dial(Target(f"{number}.example", 80), "one") for number in range(50)]
    await asyncio.gather(*dials, return_exceptions=True)
    assert len(dialed) == 50
    async with asyncio.timeout(20):
        while dialer._resolver._quotas:
            await asyncio.sleep(0.005)
    dialer.close()


async def test_more_lookups_than_threads(names: Names) -> None:
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(lookups_max=1))
    waiting = asyncio.create_task(dialer.dial(Target("slow.example", 80), "one"), name="slow")
    async with asyncio.timeout(20):
        while not names.asked:
            await asyncio.sleep(0.005)
    assert await failure(dialer, "next.example") == "connection_limit_reached"
    names.slow.set()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_this_machines_own_addresses(dialed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Public as they may be, what listens there may be meant for the machine's own network alone."""
    monkeypatch.setattr(module, "is_own", lambda address: str(address) == "9.9.9.9")
    assert await failure(Dialer(Policy()), "9.9.9.9") == "destination_ip_prohibited"
    assert dialed == []
    assert await failure(Dialer(Policy.of(["9.9.9.9"])), "9.9.9.9") == "connection_refused"
    assert await failure(Dialer(PRIVATE), "9.9.9.9") == "connection_refused"
    assert await failure(Dialer(Policy()), "1.1.1.1") == "connection_refused"
    assert dialed == ["9.9.9.9", "9.9.9.9", "1.1.1.1"]


def test_which_addresses_are_this_machines() -> None:
    assert is_own(LOOPBACK)
    assert is_own(ipaddress.ip_address("::ffff:127.0.0.1"))
    assert not is_own(ipaddress.ip_address("192.0.2.7"))
    assert not is_own(ipaddress.ip_address("2001:db8::7"))


def test_a_machine_that_may_bind_whatever_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_addresses, "_can_bind", lambda _: True)
    assert is_own(LOOPBACK)
    assert not is_own(ipaddress.ip_address("192.0.2.7"))


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
