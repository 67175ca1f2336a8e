"""The whole path with real programs: host, headless bridges, clients, and programs that use their proxies."""

from __future__ import annotations

import hashlib
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from freespan.demo.payload import chunks, sha256_of
from freespan.wire.target import Target
from tests import readers
from tests.laboratory import NOTICES, SITE, SOON, Lab, laboratory, url_of
from tests.site import SMALL, Site


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path, limits=SOON) as lab:
        yield lab


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def by_http(proxy: str, site: Site, path: str) -> bytes:
    return readers.get(proxy, url_of(site, path)).body


def by_connect(proxy: str, site: Site, path: str) -> bytes:
    reply, connection = readers.connect(proxy, f"{SITE}:{site.port}")
    assert reply.status == 200
    return over(connection, path)


def by_socks(proxy: str, site: Site, path: str) -> bytes:
    code, connection = readers.socks(proxy, Target(SITE, site.port))
    assert code == 0
    return over(connection, path)


def over(connection: socket.socket, path: str) -> bytes:
    with connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {SITE}\r\nConnection: close\r\n\r\n".encode())
        return readers.parse(readers.read_all(connection)).body


WAYS = (by_http, by_connect, by_socks)


def test_pages_files_and_uploads_in_every_language(lab: Lab, site: Site) -> None:
    lab.bridge()
    _, proxy = lab.client()
    for way in WAYS:
        assert way(proxy, site, "/") == SMALL
        assert sha256(way(proxy, site, "/file?bytes=5000000")) == sha256_of(5_000_000)
    body = b"".join(chunks(5_000_000))
    head = f"POST {url_of(site)} HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: {len(body)}\r\n\r\n"
    assert readers.parse(readers.exchange(proxy, head.encode() + body)).body.decode() == sha256(body)


def test_several_clients_and_bridges_at_once(lab: Lab, site: Site) -> None:
    bridges = [lab.start_bridge("--capacity", "2") for _ in range(2)]
    for bridge in bridges:
        bridge.state("waiting")
    clients = [lab.start_client() for _ in range(4)]
    proxies = [client.event(lambda event: event["event"] == "proxy")["address"] for client in clients]
    for client in clients:
        client.state("open")
    with ThreadPoolExecutor(12) as pool:
        bodies = pool.map(
            lambda number: WAYS[number % 3](proxies[number % 4], site, f"/file?bytes={1_000_000 + number}"), range(24)
        )
        assert [sha256(body) for body in bodies] == [sha256_of(1_000_000 + number) for number in range(24)]
    assert [bridge.state("helping")["now"] for bridge in bridges] == [1, 1]  # each a part of the load


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_bridge_that_is_killed(lab: Lab, site: Site) -> None:
    """The client notices, goes to another bridge, and new requests work; what was under way is cut, not ended."""
    first = lab.bridge()
    client, proxy = lab.client(limits=NOTICES)
    second = lab.bridge()
    _, connection = readers.connect(proxy, f"{SITE}:{site.port}")
    with connection:
        connection.sendall(b"GET /file?bytes=900000000 HTTP/1.0\r\n\r\n")
        readers.read_exactly(connection, 1_000_000)
        first.kill()
        with pytest.raises(ConnectionResetError):
            readers.read_all(connection)
    assert client.state("looking")["detail"].startswith("the session ended (")
    client.state("open")
    second.state("helping")
    assert all(way(proxy, site, "/") == SMALL for way in WAYS)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_bridge_that_freezes(lab: Lab, site: Site) -> None:
    """It closes nothing and says nothing: silence is enough to leave it."""
    frozen = lab.bridge()
    client, proxy = lab.client(limits=NOTICES)
    lab.bridge()
    frozen.send_signal(signal.SIGSTOP)
    client.state("looking")
    client.state("open")
    assert by_http(proxy, site, "/") == SMALL


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_host_that_is_killed_and_comes_back(tmp_path: Path, site: Site) -> None:
    with laboratory(tmp_path, limits=SOON) as lab:
        bridge = lab.bridge()
        client, proxy = lab.client()
        port = lab.port
        lab.host.kill()
        client.state("looking")
        assert "cannot be reached" in client.state("waiting")["detail"]
        bridge.state("offline")
        with laboratory(tmp_path, "--port", str(port), limits=SOON):
            client.state("open")
            bridge.state("helping")
            assert by_socks(proxy, site, "/") == SMALL


def test_requests_wait_while_the_client_changes_bridges(lab: Lab, site: Site) -> None:
    client = lab.start_client()
    proxy = client.event(lambda event: event["event"] == "proxy")["address"]
    client.state("waiting")
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(way, proxy, site, "/") for way in WAYS]
        lab.bridge()
        assert [answer.result() for answer in asked] == [SMALL] * 3
