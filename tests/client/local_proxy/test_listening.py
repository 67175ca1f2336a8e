"""Where the local proxy listens: at both loopback addresses of the machine, as far as it has them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from freespan.client.local_proxy.listening import LOOPBACK, listen, loopback_addresses
from freespan.wire.errors import InputError
from tests.support.loopback import IPV6

V4, V6 = LOOPBACK


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"here")
    writer.close()


@contextlib.asynccontextmanager
async def listening_at(addresses: tuple[str, ...], port: int = 0) -> AsyncIterator[list[tuple[str, int]]]:
    servers = await listen(handle, addresses, port)
    try:
        yield [server.sockets[0].getsockname()[:2] for server in servers]
    finally:
        for server in servers:
            server.close()


async def answer(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("localhost", LOOPBACK),
        ("LocalHost.", LOOPBACK),
        ("127.0.0.1", (V4,)),
        ("127.83.200.14", ("127.83.200.14",)),
        ("::1", (V6,)),
        ("[::1]", (V6,)),
        ("0:0:0:0:0:0:0:1", (V6,)),
    ],
)
def test_what_an_address_means(text: str, addresses: tuple[str, ...]) -> None:
    assert loopback_addresses(text) == addresses


@pytest.mark.parametrize(
    "text",
    [
        *("", "0.0.0.0", "::", "192.0.2.1", "::2", "2001:db8::1", "fe80::1%lo", "::1%lo", "::ffff:127.0.0.1"),
        *("127.1", "127.0.0.1:80", "[127.0.0.1", "localhost.example", "ip6-localhost", "128.0.0.1", "127.0.0.01", "*"),
    ],
)
def test_what_other_machines_could_reach_or_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="must be localhost, ::1 or an address of 127") as caught:
        loopback_addresses(text)
    assert caught.value.field == "address"


@IPV6
async def test_one_port_by_both_families() -> None:
    async with listening_at(LOOPBACK) as places:
        assert [place[0] for place in places] == [V4, V6]
        port = places[0][1]
        assert places[1][1] == port
        for host in (*LOOPBACK, "localhost"):
            assert await answer(host, port) == b"here"


@IPV6
async def test_with_a_port_that_was_asked_for() -> None:
    async with listening_at(LOOPBACK) as places:
        port = places[0][1]
    async with listening_at(LOOPBACK, port) as again:
        assert again == [(V4, port), (V6, port)]


@pytest.mark.parametrize("missing", LOOPBACK)
@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, None])
async def test_a_machine_that_lacks_one_family(
    monkeypatch: pytest.MonkeyPatch, missing: str, number: int | None
) -> None:
    """Python itself gives no number where it has tried and failed at every address."""
    start_server = asyncio.start_server

    async def lacking(handler: Any, host: str, *arguments: Any, **options: Any) -> asyncio.Server:
        if host == missing:
            raise OSError(number, "there is none") if number else OSError("could not bind on any address")
        return await start_server(handler, V4, *arguments, **options)

    monkeypatch.setattr(asyncio, "start_server", lacking)
    async with listening_at(LOOPBACK) as places:
        assert len(places) == 1
        assert await answer(*places[0]) == b"here"
    with pytest.raises(InputError):
        await listen(handle, (missing,), 0)


@IPV6
@pytest.mark.parametrize("taken", LOOPBACK)
async def test_a_port_that_is_taken_at_either_address_is_taken(taken: str) -> None:
    """Another program at `::1` would get what is meant for the proxy."""
    async with listening_at((taken,)) as places:
        port = places[0][1]
        with pytest.raises(InputError, match="address already in use") as caught:
            await listen(handle, LOOPBACK, port)
        assert caught.value.field == "port"
        assert ("at ::1" in caught.value.reason) == (taken == V6)
        other = V4 if taken == V6 else V6
        async with listening_at((other,), port) as places:  # the other one was given back, and may be asked for alone
            assert places == [(other, port)]


@IPV6
async def test_a_port_of_the_systems_choice_is_free_at_both(monkeypatch: pytest.MonkeyPatch) -> None:
    start_server = asyncio.start_server
    taken: list[int] = []

    async def crowded(handler: Any, host: str, port: int, **options: Any) -> asyncio.Server:
        if host == V6 and len(taken) < 5:
            taken.append(port)
            raise OSError(errno.EADDRINUSE, "taken")
        return await start_server(handler, host, port, **options)

    monkeypatch.setattr(asyncio, "start_server", crowded)
    async with listening_at(LOOPBACK) as places:
        assert places[0][1] == places[1][1]
        with socket.create_connection(places[0]):
            assert len(taken) == 5
