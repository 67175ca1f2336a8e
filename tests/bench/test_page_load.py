"""A page of many small objects is loaded as a browser would, whatever the server does with its connections."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from bench import page_load
from bench.page_load import OBJECTS, SIZE, PageError, Route, load_s

Counts = dict[str, int]


@contextlib.contextmanager
def server(head: bytes, each: int, body: bytes = bytes(SIZE)) -> Iterator[tuple[int, Counts]]:
    """Answers `each` requests of a connection and closes it without a word."""
    counts = {"connections": 0, "requests": 0}
    lock = threading.Lock()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for _ in range(each):
                if not connection.recv(65_536):
                    return
                with lock:
                    counts["requests"] += 1
                connection.sendall(head + body)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                counts["connections"] += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        try:
            yield listener.getsockname()[1], counts
        finally:
            listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(("each", "connections"), [(1_000, page_load.CONNECTIONS), (1, OBJECTS)])
def test_every_object_is_asked_for_once_over_as_few_connections_as_can_be(each: int, connections: int) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE
    with server(head, each) as (port, counts):
        assert load_s(Route("direct", port, port)) > 0
    assert counts == {"connections": connections, "requests": OBJECTS}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2000\r\n\r\n", bytes(SIZE)),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n", b"x"),
    ],
)
def test_an_object_that_is_not_right_is_no_figure(head: bytes, body: bytes) -> None:
    with server(head, 1, body) as (port, _), pytest.raises(PageError):
        load_s(Route("direct", port, port))
