"""A download that records when its bytes arrive, and whether they are correct. Blocks, as `download` does."""

from __future__ import annotations

import itertools
import operator
import socket
import time
from dataclasses import dataclass

from bench import download
from bench.origin import body

_SECONDS = 150.0
"""The longest silence that does not end the download."""
_BUFFER = 1 << 18


@dataclass(frozen=True)
class CheckedDownload:
    """The record of a download."""

    pieces: list[tuple[float, int]]
    """When each piece arrived (by `time.perf_counter`), and its length; the last one is the end, of length 0."""
    wrong_bytes: int
    """How many bytes differ from those that the site sent, or never arrived."""

    def longest_pause(self, after: float) -> float:
        """Return the longest time between two pieces, from the last one before the time `after` on."""
        times = [at for at, _ in self.pieces]
        first = max((i for i, at in enumerate(times) if at <= after), default=0)
        return max((later - earlier for earlier, later in itertools.pairwise(times[first:])), default=0.0)

    def first_after(self, moment: float) -> float:
        """Return the seconds from a time to the next piece. Raises `DownloadError` if none arrived."""
        for at, length in self.pieces:
            if at > moment and length:
                return at - moment
        raise download.DownloadError("nothing more arrived")


def checked_download(proxy: int, site: int, size: int) -> CheckedDownload:
    """Download `size` bytes through a local proxy; a download that breaks off is a result as well.

    Args:
        proxy: port of the local proxy.
        site: port of the site.
        size: in bytes.
    """
    comparison = Comparison(size)
    pieces: list[tuple[float, int]] = []
    with socket.create_connection(("127.0.0.1", proxy), _SECONDS) as connection:
        data = download.request(connection, site, size)
        while data or comparison.missing:
            pieces.append((time.perf_counter(), len(data)))
            comparison.add(data)
            if not comparison.missing:
                break
            try:
                data = connection.recv(_BUFFER)
            except OSError:
                data = b""
            if not data:
                break
    pieces.append((time.perf_counter(), 0))
    return CheckedDownload(pieces, comparison.wrong + comparison.missing)


class Comparison:
    """Compares what arrives with what the site sends."""

    def __init__(self, size: int) -> None:
        self._expected = body(size)
        self._piece = b""
        self.wrong = 0
        self.missing = size

    def add(self, data: bytes) -> None:
        """Compare the next bytes; those beyond the end are wrong."""
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
