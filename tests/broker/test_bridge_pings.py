"""Pings: all bridges get theirs, nobody is asked in a crowd, and who is silent is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

from freespan.broker.bridge_pings import BridgePings
from freespan.broker.bridge_socket import BridgeSocket
from tests.support import virtual_time

PING_SECONDS = 20.0


class Socket:
    """A bridge that answers, unless it is mute or its connection is dead."""

    def __init__(self, *, mute: bool = False, dead: bool = False) -> None:
        self.is_heard = True
        self.mute = mute
        self.dead = dead
        self.pinged: list[float] = []
        self.aborted = False

    def send(self, frames: bytes) -> None:
        if self.dead:
            raise ConnectionResetError
        self.pinged.append(asyncio.get_running_loop().time())
        self.is_heard = not self.mute

    def abort(self) -> None:
        self.aborted = True


def after(seconds: float, sockets: dict[str, Socket]) -> list[str]:
    """Ping the sockets for so long; returns the names of those that were silent."""
    silent: list[str] = []

    async def main() -> None:
        def on_silent(name: str) -> None:
            silent.append(name)
            pings.discard(name)

        pings = BridgePings(PING_SECONDS, on_silent)
        for name, socket in sockets.items():
            pings.add(name, cast(BridgeSocket, socket))
        await asyncio.sleep(seconds)
        for name in sockets:
            pings.discard(name)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        assert all(task.cancelled() or task.exception() is None for task in others)

    virtual_time.run(main())
    return silent


def test_each_of_many_that_came_at_once_is_pinged_in_its_time_and_few_at_a_time() -> None:
    sockets = {f"b{number}": Socket() for number in range(5_000)}
    assert after(125.0, sockets) == []
    for socket in sockets.values():
        assert len(socket.pinged) in (5, 6)
        gaps = [later - earlier for earlier, later in zip(socket.pinged, socket.pinged[1:], strict=False)]
        assert all(15.0 < gap < 25.0 for gap in gaps), "a bridge that is told nothing for 60 s connects again"
    at_once = Counter(time for socket in sockets.values() for time in socket.pinged)
    assert max(at_once.values()) < len(sockets) / 100, "those of one turn of the loop"


def test_a_silent_one_is_gone_within_a_ping_and_a_half() -> None:
    sockets = {"good": Socket(), "mute": Socket(mute=True)}
    assert after(31.0, sockets) == ["mute"]
    assert sockets["mute"].aborted
    assert not sockets["good"].aborted


def test_a_dead_connection_is_gone_at_the_next_ping() -> None:
    assert after(21.0, {"good": Socket(), "dead": Socket(dead=True)}) == ["dead"]


def test_the_last_one_may_be_the_silent_one() -> None:
    assert after(100.0, {"mute": Socket(mute=True)}) == ["mute"]
    assert after(100.0, {"dead": Socket(dead=True)}) == ["dead"]
