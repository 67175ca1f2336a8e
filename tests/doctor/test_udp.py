"""STUN servers that answer, in part, or not at all; and TURN servers that do not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from freespan.broker.stun_server import serving_stun
from freespan.doctor.host_here import look_at_turn
from freespan.doctor.mapping import look_at_mapping
from freespan.doctor.udp import ask_stun, look_at_stun
from freespan.wire.messages import IceServer

SECONDS = 0.3


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        yield f"stun:127.0.0.1:{held.getsockname()[1]}"


def urls(ports: tuple[int, int]) -> list[str]:
    return [f"stun:127.0.0.1:{port}" for port in ports]


async def test_a_server_that_answers() -> None:
    async with serving_stun("127.0.0.1", 0) as ports:
        assert str(await ask_stun(urls(ports)[0], 5.0)) == "127.0.0.1"
        found = await look_at_stun([urls(ports)], 5.0, is_private=True)
    assert found.text == f"answers at UDP {ports[0]} and {ports[1]}"


async def test_silence(silent: str) -> None:
    found = await look_at_stun([[silent, silent]], SECONDS, is_private=False)
    assert (found.state, found.code) == ("bad", "stun_silent")
    assert silent.rpartition(":")[2] in found.advice


async def test_one_port_that_is_closed(silent: str) -> None:
    async with serving_stun("127.0.0.1", 0) as ports:
        found = await look_at_stun([[urls(ports)[0], silent]], SECONDS, is_private=False)
    assert (found.state, found.code) == ("bad", "stun_port_silent")


async def test_other_servers(silent: str) -> None:
    async with serving_stun("127.0.0.1", 0) as ports:
        own_is_silent = await look_at_stun([[silent], urls(ports)], SECONDS, is_private=False)
        other_is_silent = await look_at_stun([urls(ports), [silent]], SECONDS, is_private=False)
    assert (own_is_silent.state, own_is_silent.code) == ("bad", "stun_silent")
    assert (other_is_silent.state, other_is_silent.code) == ("note", "other_stun_silent")


@pytest.mark.parametrize("url", ["stun:no-such-name.invalid:3478", "stun:[::1]:9", "stun:127.0.0.1:9"])
async def test_where_nobody_is(url: str) -> None:
    async with asyncio.timeout(20):
        assert await ask_stun(url, SECONDS) is None


async def test_no_server() -> None:
    assert (await look_at_stun([], SECONDS, is_private=True)).state == "good"
    assert (await look_at_stun([], SECONDS, is_private=False)).code == "no_stun"
    assert (await look_at_mapping([], is_private=True, blocked="x")).state == "good"


async def test_udp_that_does_not_get_through(silent: str) -> None:
    found = await look_at_mapping([IceServer([silent])], is_private=False, blocked="allow it")
    assert (found.state, found.code, found.advice) in (
        ("bad", "udp_blocked", "allow it"),
        ("good", "", ""),  # where this machine has a public address, nobody need be asked
    )


async def test_a_turn_server_that_is_not_there(silent: str) -> None:
    port = silent.rpartition(":")[2]
    found = await look_at_turn([IceServer([f"turn:127.0.0.1:{port}?transport=udp"], "u", "p")])
    assert (found.state, found.code) == ("bad", "turn_silent")
    assert "turn over udp" in found.text
    assert "127.0.0.1" not in found.text + found.advice
