"""Who is slow slows his own sender, nobody else, and fills nobody's memory.

One stream of a session goes at 1 MB/s for ten seconds, the length that this proof needs; everything else in that
session stays fast. What is compared are bytes, not clocks.
"""

from __future__ import annotations

import hashlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freespan.demo.payload import chunks, sha256_of
from freespan.tunnel.settings import TunnelSettings
from tests.support import readers
from tests.support.laboratory import SITE, Lab, laboratory, url_of
from tests.support.programs import Program
from tests.support.site import SMALL, Site

DEFAULTS = TunnelSettings()

MEGABYTE = 1_000_000
SLOW_SECONDS = 10
SLOW_RATE = 1 * MEGABYTE
SLOW_FILE = 200 * MEGABYTE
BULK = 20 * MEGABYTE
UNDER_WAY_MAX = 16 * MEGABYTE
"""What may be between site and slow reader: windows, queues and the sockets' own buffers."""
STALLED = 30
MEMORY_MAX = 128 * MEGABYTE
"""Of each program, at its worst; about 70 of it are Python and the WebRTC engine."""
MEMORY_MAX_STALLED = MEMORY_MAX + 2 * STALLED * DEFAULTS.stream_window
"""With so many streams whose windows are full, on their way in and out."""
UNHURRIED = ("--session-connections", "10000", "--session-destination", "10000")
"""The small pages are asked for as fast as can be."""

pytestmark = pytest.mark.timeout(180)


class Stage:
    """One session, its programs, and the site."""

    def __init__(self, lab: Lab, site: Site) -> None:
        self.site = site
        self.bridge = lab.bridge()
        self.client, self.proxy = lab.client()
        self.programs: tuple[Program, ...] = (lab.host, self.bridge, self.client)

    def small_requests(self, still: threading.Thread) -> int:
        """Ask for small pages, one after the other, for as long as the slow one goes on; returns how many came."""
        count = 0
        while still.is_alive():
            assert readers.get(self.proxy, url_of(self.site)).body == SMALL
            count += 1
        return count

    def memory_is_below(self, bound: int) -> None:
        if sys.platform == "linux":
            peaks = {program.name: program.peak_memory() for program in self.programs}
            assert max(peaks.values()) < bound, peaks


@pytest.fixture
def stage(tmp_path: Path, site: Site) -> Iterator[Stage]:
    with laboratory(tmp_path, *UNHURRIED) as lab:
        yield Stage(lab, site)


class SlowReader(threading.Thread):
    """Takes a download at SLOW_RATE for SLOW_SECONDS, then goes away."""

    def __init__(self, proxy: str, site: Site, path: str) -> None:
        super().__init__(daemon=True)
        self.received = 0
        self.failure: BaseException | None = None
        reply, self._connection = readers.connect(proxy, f"{SITE}:{site.port}")
        assert reply.status == 200
        self._path = path
        self._pause = threading.Event()

    def run(self) -> None:
        try:
            with self._connection:
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                self._connection.sendall(f"GET {self._path} HTTP/1.0\r\n\r\n".encode())
                began = time.monotonic()
                while (elapsed := time.monotonic() - began) < SLOW_SECONDS:
                    if self.received > elapsed * SLOW_RATE:
                        self._pause.wait(0.02)
                        continue
                    self.received += len(readers.read_exactly(self._connection, 65_536))
        except BaseException as error:
            self.failure = error


def test_a_slow_reader_of_200_megabytes(stage: Stage) -> None:
    path = f"/file?bytes={SLOW_FILE}"
    slow = SlowReader(stage.proxy, stage.site, path)
    slow.start()
    before = slow.received
    body = readers.get(stage.proxy, url_of(stage.site, f"/file?bytes={BULK}")).body
    meanwhile = slow.received - before
    assert hashlib.sha256(body).hexdigest() == sha256_of(BULK)
    assert slow.is_alive()
    assert meanwhile < BULK / 3, f"{meanwhile} bytes of the slow stream in the time of {BULK} of the fast one"
    assert stage.small_requests(slow) > 20
    slow.join()
    assert slow.failure is None
    assert slow.received > SLOW_SECONDS * SLOW_RATE * 0.8
    assert stage.site.sent[path] - slow.received < UNDER_WAY_MAX, "its own sender is slowed"
    stage.memory_is_below(MEMORY_MAX)
    assert readers.get(stage.proxy, url_of(stage.site)).body == SMALL


def test_many_readers_that_stop_reading(stage: Stage) -> None:
    """Downloads that nobody takes on: their windows fill, and the session goes on for the others."""
    stalled = []
    for _ in range(STALLED):
        _, connection = readers.connect(stage.proxy, f"{SITE}:{stage.site.port}")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.sendall(f"GET /file?bytes={SLOW_FILE} HTTP/1.0\r\n\r\n".encode())
        readers.read_exactly(connection, 100_000)
        stalled.append(connection)
    body = readers.get(stage.proxy, url_of(stage.site, f"/file?bytes={BULK}")).body
    assert hashlib.sha256(body).hexdigest() == sha256_of(BULK)
    assert all(readers.get(stage.proxy, url_of(stage.site)).body == SMALL for _ in range(20))
    for connection in stalled:
        connection.close()
    assert readers.get(stage.proxy, url_of(stage.site)).body == SMALL
    stage.memory_is_below(MEMORY_MAX_STALLED)


def test_a_slow_site_and_an_upload_of_200_megabytes(stage: Stage) -> None:
    """The other direction: the site takes 1 MB/s, and the reader's program cannot hand over more."""
    path = f"/upload?rate={SLOW_RATE}"
    _, connection = readers.connect(stage.proxy, f"{SITE}:{stage.site.port}")
    sent = 0

    def upload() -> None:
        nonlocal sent
        with connection:
            connection.sendall(f"POST {path} HTTP/1.0\r\nContent-Length: {SLOW_FILE}\r\n\r\n".encode())
            until = time.monotonic() + SLOW_SECONDS
            connection.settimeout(0.2)
            for chunk in chunks(SLOW_FILE):
                view = memoryview(chunk)
                while view and time.monotonic() < until:
                    try:
                        count = connection.send(view)
                    except TimeoutError:
                        continue  # it is slowed, which is what this is about
                    sent += count
                    view = view[count:]
                if time.monotonic() >= until:
                    return

    slow = threading.Thread(target=upload, daemon=True)
    slow.start()
    body = b"".join(chunks(BULK))
    head = f"POST {url_of(stage.site, '/fast')} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    before = stage.site.taken.get(path, 0)
    assert readers.parse(readers.exchange(stage.proxy, head.encode() + body)).body.decode() == sha256_of(BULK)
    meanwhile = stage.site.taken.get(path, 0) - before
    assert slow.is_alive()
    assert meanwhile < BULK / 3, f"{meanwhile} bytes of the slow upload in the time of {BULK} of the fast one"
    assert stage.small_requests(slow) > 20
    slow.join()
    assert 0 < stage.site.taken[path] < 2 * SLOW_SECONDS * SLOW_RATE
    assert sent - stage.site.taken[path] < UNDER_WAY_MAX, "its own sender is slowed"
    stage.memory_is_below(MEMORY_MAX)
    assert readers.get(stage.proxy, url_of(stage.site)).body == SMALL
