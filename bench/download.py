"""Timed downloads through a local proxy, by plain sockets, whose own cost is small.

All functions block: call them with `asyncio.to_thread`.
"""

from __future__ import annotations

import re
import socket
import time

_SECONDS = 120.0
_BUFFER = 512 * 1024
_PACED_BUFFER = 32 * 1024
_HEAD_MAX = 16_384
SMALL = 1_000
"""Size in bytes of a small page."""


class DownloadError(Exception):
    """The response was wrong or incomplete."""


def first_byte_s(proxy: int, origin: int) -> float:
    """Return the seconds from connecting to the local proxy to the first byte of a small page.

    Args:
        proxy: port of the local proxy.
        origin: port of the site.
    """
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", proxy), _SECONDS) as connection:
        connection.sendall(_request(origin, SMALL))
        head = connection.recv(_HEAD_MAX)
        seconds = time.perf_counter() - start
        _check(head)
        while connection.recv(_HEAD_MAX):
            pass
    return seconds


def megabytes_a_second(proxy: int, origin: int, size: int) -> float:
    """Return the speed of a download of `size` bytes, from the request to the last byte, in 10^6 bytes a second."""
    buffer = bytearray(_BUFFER)
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", proxy), _SECONDS) as connection:
        received = len(request(connection, origin, size))
        while received < size:
            count = connection.recv_into(buffer)
            if not count:
                raise DownloadError(f"the download ended after {received} bytes")
            received += count
    return size / (time.perf_counter() - start) / 1e6


def paced(proxy: int, origin: int, size: int, rate: float) -> None:
    """Download `size` bytes, reading no more than `rate` bytes a second."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", proxy), _SECONDS) as connection:
        received = len(request(connection, origin, size))
        while received < size:
            received += len(_some(connection.recv(_PACED_BUFFER)))
            time.sleep(max(0.0, start + received / rate - time.perf_counter()))


def request(connection: socket.socket, origin: int, size: int) -> bytes:
    """Request `size` bytes; returns those of them that came with the head of the response."""
    connection.sendall(_request(origin, size))
    head = connection.recv(_HEAD_MAX)
    _check(head)
    while b"\r\n\r\n" not in head:
        head += _some(connection.recv(_HEAD_MAX))
    return head.partition(b"\r\n\r\n")[2]


def _request(origin: int, size: int) -> bytes:
    site = f"127.0.0.1:{origin}"
    return f"GET http://{site}/{size} HTTP/1.1\r\nHost: {site}\r\nConnection: close\r\n\r\n".encode()


def _check(head: bytes) -> None:
    if not re.match(rb"HTTP/1\.1 200 ", head):
        raise DownloadError(f"the response began with {head[:40]!r}")


def _some(data: bytes) -> bytes:
    if not data:
        raise DownloadError("the connection ended too early")
    return data
