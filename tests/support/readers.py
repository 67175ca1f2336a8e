"""Requests to the local proxy, as a reader's programs make them: HTTP and SOCKS5 over plain sockets."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from freespan.wire.target import Target

SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """A whole HTTP response."""

    status: int
    head: str
    body: bytes

    def header(self, name: str) -> str:
        for line in self.head.splitlines()[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return ""


def dial(proxy: str) -> socket.socket:
    """Connect to `address:port` or `[address]:port`; no wait on the connection is longer than `SECONDS`."""
    host, _, port = proxy.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), SECONDS)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other end closes the connection."""
    received = bytearray()
    while data := connection.recv(65_536):
        received += data
    return bytes(received)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        data = connection.recv(size - len(received))
        if not data:
            raise EOFError(f"{len(received)} of {size} bytes came")
        received += data
    return bytes(received)


def exchange(proxy: str, request: bytes) -> bytes:
    """Send a request and return everything that comes back."""
    with dial(proxy) as connection:
        connection.sendall(request)
        return read_all(connection)


def parse(response: bytes) -> Reply:
    head, _, body = response.partition(b"\r\n\r\n")
    return Reply(int(head.split()[1]), head.decode("latin-1"), body)


def get(proxy: str, url: str) -> Reply:
    """GET a page by an absolute-form request, as browsers do with an HTTP proxy; the connection ends after it."""
    host = url.split("/")[2]
    return parse(exchange(proxy, f"GET {url} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()))


def connect(proxy: str, target: str) -> tuple[Reply, socket.socket]:
    """CONNECT to a target; returns the head of the response, and the connection, which the caller closes."""
    connection = dial(proxy)
    connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            break
        head += byte
    return parse(bytes(head)), connection


def socks(proxy: str, target: Target) -> tuple[int, socket.socket]:
    """Connect to a target by SOCKS5; returns the reply code, and the connection, which the caller closes."""
    connection = dial(proxy)
    connection.sendall(b"\x05\x01\x00")
    assert read_exactly(connection, 2) == b"\x05\x00"
    connection.sendall(b"\x05\x01\x00" + socks_address(target.host) + target.port.to_bytes(2, "big"))
    reply = read_exactly(connection, 10)
    assert reply[0] == 5
    return reply[1], connection


def socks_address(host: str) -> bytes:
    """Return an address in the form of SOCKS5 (RFC 1928 section 5)."""
    for kind, family in ((1, socket.AF_INET), (4, socket.AF_INET6)):
        try:
            return bytes([kind]) + socket.inet_pton(family, host)
        except OSError:
            continue
    return b"\x03" + bytes([len(host)]) + host.encode()
