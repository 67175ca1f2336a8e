"""The threads of an attacker."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bench.flood.raw_socket import Aim

_OPENING = 24
"""Connections that are being opened at a time: each may have to wait until the host accepts it."""
_IDLE_SECONDS = 0.2
_PAUSE_SECONDS = 0.01
"""After an attempt that the host has refused, so that an attacker does not only knock."""


def in_threads(aim: Aim, count: int, once: Callable[[int], bool | None]) -> None:
    """Call `once` again and again in so many threads, with the number of the thread, until the attack ends.

    A thread ends before if it returns false (None goes on).
    """

    def run(number: int) -> None:
        while aim.goes_on:
            try:
                if once(number) is False:
                    return
            except OSError:
                aim.tally.add(refused=1)
                time.sleep(_PAUSE_SECONDS)

    threads = [
        threading.Thread(target=run, args=(number,), name=f"attack-{number}", daemon=True) for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Held(Protocol):
    """Something open at the host."""

    def cut(self) -> None:
        """Close it without a word."""


def hold_open(
    aim: Aim,
    count: int,
    hold: int,
    open_one: Callable[[int], Held],
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Open up to `count` of something, and hold the last `hold` of them until the attack ends."""
    held: deque[Held] = deque()
    numbers = itertools.count()

    def one(_: int) -> None:
        number = next(numbers)
        if number >= count:
            time.sleep(_IDLE_SECONDS)
            return
        held.append(open_one(number))
        if len(held) > hold:
            held.popleft().cut()

    def idle() -> None:
        while aim.goes_on:
            meanwhile()
            time.sleep(_IDLE_SECONDS)

    idling = threading.Thread(target=idle, name="attack-idle", daemon=True)
    idling.start()
    in_threads(aim, _OPENING, one)
    idling.join()
    for one_held in held:
        one_held.cut()
