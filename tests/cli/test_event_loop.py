"""A host's event loop reads a few of the sockets that are ready, then does what else there is to do."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from freespan.cli.event_loop import READY_MAX, event_loop

SOCKETS = 2 * READY_MAX + 50


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have loops of their own")
def test_many_ready_sockets_are_read_in_several_turns_and_none_is_forgotten() -> None:
    pairs = [socket.socketpair() for _ in range(SOCKETS)]
    read_in_turn = [0]
    read: set[int] = set()

    def next_turn() -> None:
        read_in_turn.append(0)
        if len(read) < SOCKETS:
            loop.call_soon(next_turn)
        else:
            loop.stop()

    def read_one(number: int) -> None:
        pairs[number][0].recv(1)
        read_in_turn[-1] += 1
        read.add(number)

    loop = event_loop(is_host=True)
    try:
        for number, (mine, other) in enumerate(pairs):
            mine.setblocking(False)
            loop.add_reader(mine, read_one, number)
            other.send(b"1")
        loop.call_soon(next_turn)
        loop.run_forever()
    finally:
        loop.close()
        for pair in pairs:
            for end in pair:
                end.close()
    assert max(read_in_turn) <= READY_MAX
    assert read == set(range(SOCKETS))


def test_other_commands_have_the_loop_of_their_system() -> None:
    loop = event_loop(is_host=False)
    usual = asyncio.new_event_loop()
    try:
        assert type(loop) is type(usual)
    finally:
        loop.close()
        usual.close()
