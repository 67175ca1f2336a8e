"""A site that answers with exactly these bytes, and remembers exactly what it was asked."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping

Answer = bytes | Callable[[bytes], bytes]


class RawSite:
    """`answers` is by path; one that is a function is given the whole head of the request."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.heads: list[bytes] = []
        self.port = 0

    @property
    def paths(self) -> list[str]:
        """What stood in the request lines."""
        return [head.split(b" ")[1].decode("latin-1") for head in self.heads]

    def fields(self, number: int = -1) -> dict[str, str]:
        """The fields of a request; names in lower case."""
        lines = self.heads[number].decode("latin-1").rstrip().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def response(body: bytes = b"", status: str = "200 OK", **fields: str) -> bytes:
    """A response with its length; `_` in the name of a field stands for `-`."""
    lines = [
        f"{name.replace('_', '-')}: {value}" for name, value in {"Content-Length": str(len(body)), **fields}.items()
    ]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1") + body


def redirect(location: str, status: str = "302 Found", **fields: str) -> bytes:
    return response(b"", status, Location=location, **fields)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    site: RawSite


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: socket.socket

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = self.request.recv(65_536)
            if not data:
                return
            head += data
        site = self.server.site
        site.heads.append(head)
        path = head.split(b" ")[1].decode("latin-1")
        answer = site.answers.get(path, site.answers.get("*", b""))
        with contextlib.suppress(OSError):
            self.request.sendall(answer(head) if callable(answer) else answer)


@contextlib.contextmanager
def raw_site(answers: Mapping[str, Answer]) -> Iterator[RawSite]:
    """Serve on a free port of 127.0.0.1 while the block runs."""
    site, server = RawSite(answers), _Server(("127.0.0.1", 0), _Handler)
    server.site, site.port = site, server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
