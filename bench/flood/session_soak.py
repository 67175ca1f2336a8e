"""Sessions that come and go: `python -m bench.flood.session_soak URL`.

For each line with a number it opens and ends that many sessions with the egress, from many addresses.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from urllib.parse import urlsplit

from bench.flood.raw_session import RawSession
from bench.flood.raw_socket import Aim, source
from bench.flood.workers import in_threads
from bench.helper_io import emit, next_line, run_helper
from freespan.api.open_files import raise_open_files_limit

_WORKERS = 4
_SECONDS = 3_600.0
_SOURCES = 8_000
"""Addresses that the sessions come from: what is kept by source has come to its bound after the first tenth of them."""
_NUMBERS = itertools.count()


async def main(url: str) -> None:
    """Handle the lines."""
    raise_open_files_limit()
    parts = urlsplit(url)
    assert parts.port is not None
    emit({"event": "ready"})
    while count := await next_line():
        aim = Aim("127.0.0.1", parts.port, parts.path.rstrip("/"), 0, time.monotonic() + _SECONDS)
        await asyncio.to_thread(_open_and_end, aim, int(count))
        emit({"event": "done", "refused": aim.tally.refused})


def _open_and_end(aim: Aim, count: int) -> None:
    left = itertools.count(count, -1)

    def one(_: int) -> bool:
        if next(left) <= 0:
            return False
        session = RawSession(aim, source(next(_NUMBERS) % _SOURCES))
        session.end()
        return True

    in_threads(aim, _WORKERS, one)


if __name__ == "__main__":
    run_helper(main(sys.argv[1]))
