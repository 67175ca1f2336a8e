"""A download that is watched: when its bytes come, and whether they are the right ones. Blocks, as `download` does."""

from __future__ import annotations

import itertools
import operator
import socket
import time
from dataclasses import dataclass

from bench import download
from bench.origin import body

_SECONDS = 150.0
"""The longest silence that is waited for."""
_BUFFER = 1 << 18


@dataclass(frozen=True)
class Watched:
    """When pieces came (by `time.perf_counter`) and how long they were; the last moment is that of the end."""

    pieces: list[tuple[float, int]]
    wrong_bytes: int
    """Those that differ from what the site sent, and those that never came."""

    def longest_pause(self, after: float) -> float:
        """Seconds between two pieces, from the last one before the moment `after` on."""
        times = [at for at, _ in self.pieces]
        first = max((i for i, at in enumerate(times) if at <= after), default=0)
        return max((later - earlier for earlier, later in itertools.pairwise(times[first:])), default=0.0)

    def first_after(self, moment: float) -> float:
        """Seconds from a moment to the next piece. Raises `DownloadError` if none came."""
        for at, length in self.pieces:
            if at > moment and length:
                return at - moment
        raise download.DownloadError("nothing came any more")


def watch(proxy: int, site: int, size: int) -> Watched:
    """Download `size` bytes through a local proxy; one that breaks off is a result, too."""
    comparison = Comparison(size)
    pieces: list[tuple[float, int]] = []
    with socket.create_connection(("127.0.0.1", proxy), _SECONDS) as connection:
        data = download.ask(connection, site, size)
        while data or comparison.missing:
            pieces.append((time.perf_counter(), len(data)))
            comparison.take(data)
            if not comparison.missing:
                break
            try:
                data = connection.recv(_BUFFER)
            except OSError:
                data = b""
            if not data:
                break
    pieces.append((time.perf_counter(), 0))
    return Watched(pieces, comparison.wrong + comparison.missing)


class Comparison:
    """Holds what comes against what the site sends."""

    def __init__(self, size: int) -> None:
        self._expected = body(size)
        self._piece = b""
        self.wrong = 0
        self.missing = size

    def take(self, data: bytes) -> None:
        """The next bytes; those beyond the end are wrong ones."""
        while data and self.missing:
            if not self._piece:
                self._piece = bytes(next(self._expected))
            count = min(len(data), len(self._piece))
            come, meant = data[:count], self._piece[:count]
            if come != meant:
                self.wrong += sum(map(operator.ne, come, meant))
            data, self._piece = data[count:], self._piece[count:]
            self.missing -= count
        self.wrong += len(data)
