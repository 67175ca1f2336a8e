"""The STUN server at real sockets of loopback."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Iterator

import pytest
from aioice import stun

from freespan.broker.settings import StunSettings
from freespan.broker.stun_server import serving_stun

SECONDS = 10.0
HOSTS = ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6"))]


@pytest.fixture
def guest() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guest:
        guest.setblocking(False)
        guest.bind(("127.0.0.1", 0))
        yield guest


def question() -> bytes:
    return bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST))


async def ask(guest: socket.socket, host: str, port: int) -> tuple[str, int]:
    """The address of the guest that the server returns; the answer must come from where the question went."""
    loop = asyncio.get_running_loop()
    message = question()
    async with asyncio.timeout(SECONDS):
        await loop.sock_sendto(guest, message, (host, port))
        answer, source = await loop.sock_recvfrom(guest, 1_000)
    assert source[:2] == (host, port)
    parsed = stun.parse_message(answer)
    assert parsed.transaction_id == message[8:20]
    mapped: tuple[str, int] = parsed.attributes["XOR-MAPPED-ADDRESS"]
    return mapped


@pytest.mark.parametrize("host", HOSTS)
async def test_both_ports_answer_with_the_address_of_a_guest(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as guest:
        guest.setblocking(False)
        guest.bind((host, 0))
        async with serving_stun(host, 0) as (first, second):
            assert second == first + 1
            for port in (first, second):
                assert await ask(guest, host, port) == guest.getsockname()[:2]


async def test_all_addresses_of_the_machine(guest: socket.socket) -> None:
    async with serving_stun("", 0) as ports:
        for port in ports:
            assert await ask(guest, "127.0.0.1", port) == guest.getsockname()


async def test_bad_packets_get_no_answer_and_do_no_harm(guest: socket.socket) -> None:
    async with serving_stun("127.0.0.1", 0) as (port, _):
        for packet in (b"", b"\x00" * 20, b"GET / HTTP/1.1\r\n\r\n", question()[:-1], bytes(60_000)):
            guest.sendto(packet, ("127.0.0.1", port))
        assert await ask(guest, "127.0.0.1", port) == guest.getsockname()
        with pytest.raises(BlockingIOError):
            guest.recv(1_000)


@pytest.mark.skipif(sys.platform == "darwin", reason="one address of loopback only")
async def test_nobody_is_flooded_with_answers(guest: socket.socket) -> None:
    """The two ports share what one address may get."""
    settings = StunSettings(answers_per_second=1 / 1024)
    async with serving_stun("127.0.0.1", 0, settings) as (first, second):
        for number in range(settings.burst):
            await ask(guest, "127.0.0.1", (first, second)[number % 2])
        for port in (first, second):
            guest.sendto(question(), ("127.0.0.1", port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
            neighbour.setblocking(False)
            neighbour.bind(("127.0.0.2", 0))
            for port in (first, second):  # read after the other two
                await ask(neighbour, "127.0.0.1", port)
        with pytest.raises(BlockingIOError):
            guest.recv(1_000)


async def test_ports_that_are_taken() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for wanted in (port, port - 1):
            with pytest.raises(OSError) as caught:
                async with serving_stun("127.0.0.1", wanted):
                    pass
            assert caught.value.errno == errno.EADDRINUSE


async def test_what_was_bound_is_given_back() -> None:
    async with serving_stun("127.0.0.1", 0) as (port, _):
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_one:
        next_one.bind(("127.0.0.1", port))


async def test_the_last_port_has_no_next_one() -> None:
    with pytest.raises(OSError) as caught:
        async with serving_stun("127.0.0.1", 65_535):
            pass
    assert caught.value.errno == errno.EADDRINUSE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as next_one:
        next_one.bind(("127.0.0.1", 65_535))


@pytest.mark.parametrize("host", ["203.0.113.7", "host.invalid"])
async def test_an_address_that_is_not_here(host: str) -> None:
    with pytest.raises(OSError):
        async with serving_stun(host, 0):
            pass
