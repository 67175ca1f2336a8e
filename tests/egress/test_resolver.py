"""Lookups that are slow: whom they delay, and how many there may be."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import pytest

from freespan.egress.dialer import Dialer
from freespan.egress.settings import EgressSettings
from freespan.sources.source import Source
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.egress.dialing import PRIVATE, Names, failure, request
from tests.support.site import Site

DEFAULTS = EgressSettings()
ONE = Source(b"a session", b"its source")


async def test_a_slow_resolver_delays_no_other_dial(names: Names, site: Site) -> None:
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(resolve_seconds=0.1))
    waiting = asyncio.create_task(failure(dialer, "slow.example"), name="slow")
    assert await request(Dialer(PRIVATE), "127.0.0.1", site.port)
    assert await waiting == "dns_timeout"


async def test_slow_names_of_one_session_delay_no_other_session(
    names: Names, dialed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even after their waits have ended, since their threads have not."""
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(resolve_seconds=0.1))
    slow = [dialer.dial(Target(f"slow{number}.example", 80), ONE) for number in range(100)]
    errors = await asyncio.gather(*slow, return_exceptions=True)
    reasons = Counter(error.status for error in errors if isinstance(error, StreamError))
    most = DEFAULTS.lookups_per_session_max
    assert reasons == {
        ProxyStatus("dns_timeout"): most,
        ProxyStatus("connection_limit_reached", "lookups"): 100 - most,  # nobody has asked for these
    }
    assert len(names.asked) == most
    dialer._resolver._settings = EgressSettings(resolve_seconds=20.0)
    names.answers["good.example"] = ["127.0.0.1"]
    monkeypatch.setattr(socket, "getaddrinfo", names.answer)
    assert await failure(dialer, "good.example") == "connection_refused"


async def test_places_come_back_when_the_threads_end(names: Names, dialed: list[str]) -> None:
    dialer = Dialer(PRIVATE)
    names.answers |= {f"{number}.example": ["127.0.0.1"] for number in range(50)}
    dials = [dialer.dial(Target(f"{number}.example", 80), ONE) for number in range(50)]
    await asyncio.gather(*dials, return_exceptions=True)
    assert len(dialed) == 50
    async with asyncio.timeout(20):
        while len(dialer._resolver._of_sessions) + len(dialer._resolver._of_sources):
            await asyncio.sleep(0.005)
    dialer.close()


async def test_more_lookups_than_threads(names: Names) -> None:
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(lookups_max=1))
    waiting = asyncio.create_task(dialer.dial(Target("slow.example", 80), ONE), name="slow")
    async with asyncio.timeout(20):
        while not names.asked:
            await asyncio.sleep(0.005)
    assert await failure(dialer, "next.example") == "connection_limit_reached"
    names.slow.set()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_slow_names_of_many_sessions_from_one_source_leave_threads_to_others(
    names: Names, dialed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names.slow.clear()
    settings = EgressSettings(lookups_max=40, lookups_per_source_max=32, resolve_seconds=0.1)
    dialer = Dialer(PRIVATE, settings=settings)
    sessions = [Source(b"%d" % number, b"attacker") for number in range(20)]
    slow = [dialer.dial(Target(f"slow{number}.example", 80), session) for session in sessions for number in range(10)]
    await asyncio.gather(*slow, return_exceptions=True)
    assert len(names.asked) == 32
    dialer._resolver._settings = EgressSettings(lookups_max=40, resolve_seconds=20.0)
    names.answers["good.example"] = ["127.0.0.1"]
    monkeypatch.setattr(socket, "getaddrinfo", names.answer)
    with pytest.raises(StreamError, match=str(StreamError(ProxyStatus("connection_refused")))):
        await dialer.dial(Target("good.example", 80), Source(b"a reader", b"elsewhere"))


async def test_some_threads_are_kept_for_sources_with_hardly_any_lookup(names: Names) -> None:
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(lookups_max=16, resolve_seconds=0.1))
    for host in range(4):
        dials = [
            dialer.dial(Target(f"{number}.example", 80), Source(b"%d" % host, b"%d" % host)) for number in range(8)
        ]
        await asyncio.gather(*dials, return_exceptions=True)
    assert len(names.asked) == 16
    assert dialer._resolver._under_way == 16


async def test_a_thread_is_kept_for_who_comes_with_an_invite(names: Names) -> None:
    names.slow.clear()
    dialer = Dialer(PRIVATE, settings=EgressSettings(lookups_max=32, resolve_seconds=0.1))
    for host in range(12):
        dials = [
            dialer.dial(Target(f"{number}.example", 80), Source(b"%d" % host, b"%d" % host)) for number in range(4)
        ]
        await asyncio.gather(*dials, return_exceptions=True)
    assert len(names.asked) == 31
    invited = dialer.dial(Target("news.example", 80), Source(b"invited", b"invited"), is_invited=True)
    await asyncio.gather(invited, return_exceptions=True)
    assert names.asked[31:] == ["news.example"]
