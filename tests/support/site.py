"""A site for readers to request, on loopback, in a thread of the tests' process."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from freespan.demo.payload import chunks

SMALL = b"This is the site.\n"
SECONDS = 30.0
FORGED = 'freespan; error=http_request_denied; details="blocked"'
"""What only a host of freespan may say."""


class Site:
    """The port on 127.0.0.1, what was requested, and controls: `/held` waits until `hold` is set."""

    def __init__(self) -> None:
        self.port = 0
        self.hold = threading.Event()
        self.paths: list[str] = []
        self.hosts: list[str] = []
        self.heads: list[str] = []
        self.sent: dict[str, int] = {}
        """Bytes of files that were written to sockets, by path."""
        self.taken: dict[str, int] = {}
        """Bytes of uploads that were read, by path."""
        self.over = threading.Event()
        """Set at the end of the test, after which nothing is slow."""
        self.broken = threading.Event()
        """Set when a reader has gone in the middle of a response."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    site: Site

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.site.broken.set()  # readers come and go


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:  # http.server does not send this by itself
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _note(self) -> dict[str, list[str]]:
        site = self.server.site
        site.paths.append(self.path)
        site.hosts.append(self.headers.get("Host", ""))
        site.heads.append(f"{self.requestline}\n{self.headers}")
        return parse_qs(urlsplit(self.path).query)

    def do_GET(self) -> None:
        query, site = self._note(), self.server.site
        match urlsplit(self.path).path:
            case "/file":
                size = int(query["bytes"][0])
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                for chunk in chunks(size):
                    self.wfile.write(chunk)
                    site.sent[self.path] = site.sent.get(self.path, 0) + len(chunk)
            case "/redirect":
                self._answer(302, b"", Location=query["to"][0])
            case "/circle":
                self._answer(302, b"", Location="/circle")
            case "/status":
                self._answer(int(query["code"][0]), b"no")
            case "/forged":  # pretends that the host has refused the request
                self._answer(403, b"no", Proxy_Status=FORGED)
            case "/held":  # the first half at once, and the rest when the test sets `hold`
                self.send_response(200)
                self.send_header("Content-Length", str(2 * len(SMALL)))
                self.end_headers()
                self.wfile.write(SMALL)
                site.hold.wait(SECONDS)
                self.wfile.write(SMALL)
            case "/broken":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(SMALL)
                self.close_connection = True
            case _:
                self._answer(200, SMALL)

    def do_POST(self) -> None:
        query, site = self._note(), self.server.site
        rate = float(query.get("rate", ["inf"])[0])  # bytes a second that it reads
        left, digest = int(self.headers["Content-Length"]), hashlib.sha256()
        while left and (data := self.rfile.read1(min(left, 65_536))):
            left -= len(data)
            digest.update(data)
            site.taken[self.path] = site.taken.get(self.path, 0) + len(data)
            if rate != float("inf"):
                site.over.wait(len(data) / rate)
        self._answer(200, digest.hexdigest().encode())


@contextlib.contextmanager
def served(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve on a free port while the block runs."""
    site, server = Site(), _Server(("127.0.0.1", 0), _Handler)
    server.site, site.port = site, server.server_address[1]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.hold.set()
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join(SECONDS)
