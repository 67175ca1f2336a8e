"""Which STUN and TURN servers a client uses."""

from __future__ import annotations

from freespan.client.ice_servers import StunServers, TurnServers
from freespan.wire.errors import RendezvousError
from freespan.wire.messages import IceServer


def test_stun_servers_take_turns() -> None:
    servers = StunServers([("stun:a:1", "stun:a:2"), ("stun:b:1",)])
    assert len(servers) == 2
    assert servers.current() == [IceServer(["stun:a:1", "stun:a:2"])]
    servers.rotate()
    assert servers.current() == [IceServer(["stun:b:1"])]
    servers.rotate()
    assert servers.current() == [IceServer(["stun:a:1", "stun:a:2"])]


def test_without_stun_servers_there_is_none_to_use() -> None:
    servers = StunServers([])
    servers.rotate()
    assert servers.current() == []
    assert not servers


class Host:
    """Gives out credentials, each other ones, unless it cannot be asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_up = True

    async def fetch(self) -> list[IceServer]:
        self.asked += 1
        if not self.is_up:
            raise RendezvousError("unreachable", "down", retry=True)
        return [IceServer(["turn:host:1"], "user", str(self.asked))]


async def test_credentials_are_kept_until_they_expire() -> None:
    host = Host()
    servers = TurnServers(host.fetch)
    assert not servers.is_fresh
    first = await servers.current()
    assert servers.is_fresh
    assert await servers.current() == first
    assert host.asked == 1
    servers.expire()
    assert not servers.is_fresh
    assert await servers.current() != first
    assert host.asked == 2


async def test_a_host_that_cannot_be_asked_has_no_turn_servers_and_is_asked_again() -> None:
    host = Host()
    servers = TurnServers(host.fetch)
    host.is_up = False
    assert await servers.current() == []
    host.is_up = True
    assert await servers.current() != []
