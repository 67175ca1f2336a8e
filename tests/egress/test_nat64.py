"""The translator of this network is found by what its resolver makes of one name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest

from freespan.egress.nat64 import Networks, watch_nat64
from tests.egress.dialing import Names

NETWORK = ipaddress.IPv6Network("2a00:64::/96")


async def first_found(again_seconds: float = 0.01) -> Networks:
    found: asyncio.Queue[Networks] = asyncio.Queue()
    watching = asyncio.create_task(watch_nat64(found.put_nowait, again_seconds), name="nat64")
    try:
        async with asyncio.timeout(10):
            return await found.get()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_translator_is_found_as_soon_as_the_resolver_names_it(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(host: str, *_: object, **__: object) -> object:
        names.asked.append(host)
        if len(names.asked) == 3:  # before that, nothing answers
            names.answers["ipv4only.arpa."] = ["2a00:64::192.0.0.170", "2a00:64::192.0.0.171", "2a00::1"]
        return names.answer(host)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert NETWORK in await first_found()
    assert names.asked == ["ipv4only.arpa."] * 3


async def test_an_answer_that_does_not_come_holds_nobody_up(names: Names) -> None:
    names.slow.clear()
    watching = asyncio.create_task(watch_nat64(lambda _: None), name="nat64")
    while not names.asked:
        await asyncio.sleep(0.005)
    watching.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(watching, return_exceptions=True)
