"""What `connect` and `bridge` say of a clock that is wrong, and of other servers than a host, over real TLS."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from time import time

import pytest

from freespan.wire.invite import format_invite
from tests.support.invites import invite_to
from tests.support.programs import Programs
from tests.support.tls import DAY, TestAuthority


class Quiet(HTTPServer):
    """Says nothing of the connections on which its certificate was refused."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextlib.contextmanager
def server_of(authority: TestAuthority, status: int, ahead: float, begin: float, end: float) -> Iterator[str]:
    """A server whose clock is so many seconds ahead, and whose certificate has these dates (seconds from now)."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", formatdate(time() + ahead, usegmt=True))
            self.send_header("Content-Length", "0")
            self.end_headers()

    for method in ("GET", "HEAD", "POST"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = authority.server_context(begin=begin, end=end).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "ahead", "begin", "end", "cause", "words"),
    [
        (404, 3 * DAY, 2 * DAY, 90 * DAY, "clock", "this machine's clock seems to be 3 days behind: "),
        (200, -40 * DAY, -90 * DAY, -5 * DAY, "clock", "this machine's clock seems to be 40 days ahead: "),
        (404, 0.0, -90 * DAY, -5 * DAY, "certificate_expired", "has expired 5 days ago: "),
        (502, 0.0, -DAY, DAY, "gateway", "the host behind it does not (502): "),
    ],
)
def test_it_says_the_true_cause(
    programs: Programs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    ahead: float,
    begin: float,
    end: float,
    cause: str,
    words: str,
) -> None:
    authority = TestAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with server_of(authority, status, ahead, begin, end) as url:
        client = programs("connect", "--port", "0", "--json", invite=format_invite(invite_to(url)))
        bridge = programs("bridge", url, "--json")
        waiting, offline = client.state("waiting"), bridge.state("offline")
        assert client.stop() == bridge.stop() == 0
    for told in (waiting, offline):
        assert told["cause"] == cause
        assert words in told["detail"]
    assert client.errors == bridge.errors == []
