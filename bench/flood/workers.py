"""The threads of an attacker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from bench.flood.raw_socket import Aim

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
