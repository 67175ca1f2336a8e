"""The whole path with real programs: host, headless bridges, clients, and programs that use their proxies."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from freespan.demo.payload import chunks, sha256_of
from freespan.wire.target import Target
from tests.support import readers
from tests.support.laboratory import EXACT, SITE, SOON, Lab, laboratory, url_of
from tests.support.site import SMALL, Site

LONG = 60_000_000
IMPATIENT = {
    "freespan.link.bond.settings.BondSettings.wait_seconds": 2.0,
    "freespan.link.bond.settings.BondSettings.probe_seconds": 0.3,
    "freespan.link.bond.settings.BondSettings.timeout_alone_seconds": 1.0,
}
"""For a host: it gives silent clients up sooner."""
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


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
    head = f"POST {url_of(site)} HTTP/1.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    assert readers.parse(readers.exchange(proxy, head.encode() + body)).body.decode() == sha256(body)


def test_several_clients_and_bridges_at_once(lab: Lab, site: Site) -> None:
    bridges = [lab.start_bridge() for _ in range(2)]  # each takes all four: whoever can has a link through both
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


@contextlib.contextmanager
def under_way(proxy: str, site: Site) -> Iterator[Callable[[], bytes]]:
    """A download whose first part has come; gives what reads the rest, and returns all of it."""
    _, connection = readers.connect(proxy, f"{SITE}:{site.port}")
    with connection:
        connection.sendall(f"GET /file?bytes={LONG} HTTP/1.0\r\n\r\n".encode())
        head = readers.read_exactly(connection, 1_000_000)
        yield lambda: readers.parse(head + readers.read_all(connection)).body


@posix
def test_bridges_that_are_killed_one_after_the_other(lab: Lab, site: Site) -> None:
    """What is under way goes on, byte for byte, as long as another bridge comes."""
    first = lab.bridge()
    client, proxy = lab.client()
    second = lab.bridge()
    client.links(2)
    with under_way(proxy, site) as rest:
        first.kill()
        client.links(1)
        second.kill()
        assert client.links(0)["state"] == "waiting"
        lab.bridge()
        assert sha256(rest()) == sha256_of(LONG)
    assert all(way(proxy, site, "/") == SMALL for way in WAYS)
    assert {event["state"] for event in client.events()[-4:]} <= {"open", "waiting"}  # it is the same session


@posix
def test_a_bridge_that_freezes(lab: Lab, site: Site) -> None:
    """It closes nothing and says nothing: silence is enough to leave it."""
    frozen = lab.bridge()
    client, proxy = lab.client()
    with under_way(proxy, site) as rest:
        frozen.send_signal(signal.SIGSTOP)
        assert client.links(0)["state"] == "waiting"
        lab.bridge()
        assert sha256(rest()) == sha256_of(LONG)
    assert by_http(proxy, site, "/") == SMALL


@posix
def test_a_host_that_is_killed_and_comes_back(tmp_path: Path, site: Site) -> None:
    """Its sessions are gone, and the client says so: what was open is cut at once, and the same invite serves again."""
    with laboratory(tmp_path, limits=SOON) as lab:
        bridge = lab.bridge()
        client, proxy = lab.client()
        for_people = lab.programs("connect", "--port", "0", invite=lab.invite)
        for_people.line("connected")
        port = lab.port
        with under_way(proxy, site) as rest:
            lab.host.kill()
            assert client.links(0)["state"] == "waiting"
            bridge.state("offline")
            with laboratory(tmp_path, "--port", str(port), limits=SOON):
                told = client.state("looking")
                assert told["detail"] == "the host was restarted and cut open connections; connecting again"
                with pytest.raises(ConnectionResetError):
                    rest()
                client.state("open")
                assert by_socks(proxy, site, "/") == SMALL
                for_people.line("connected (webrtc)  a bridge carries this session; the host was restarted")


@posix
def test_a_host_that_stops_says_so(tmp_path: Path, site: Site) -> None:
    with laboratory(tmp_path, limits=SOON) as lab:
        lab.bridge()
        client, proxy = lab.client()
        with under_way(proxy, site) as rest:
            assert lab.host.stop() == 0
            assert client.state("looking")["detail"].startswith("the session ended (the other end closed the session)")
            with pytest.raises(ConnectionResetError):
                rest()


@posix
def test_a_client_that_is_restarted_begins_anew(tmp_path: Path, site: Site) -> None:
    """The session of one that has said goodbye is over at once, that of a killed one when it has waited long enough."""
    with laboratory(tmp_path, limits=SOON | IMPATIENT | EXACT) as lab:
        lab.bridge()
        polite, _ = lab.client()
        lab.until_sessions(1)
        assert polite.stop() == 0
        lab.until_sessions(0)
        killed, _ = lab.client()
        killed.kill()
        _, proxy = lab.client()
        assert by_connect(proxy, site, "/") == SMALL
        lab.until_sessions(1)
        assert by_connect(proxy, site, "/") == SMALL


def test_requests_wait_while_the_client_changes_bridges(lab: Lab, site: Site) -> None:
    client = lab.start_client()
    proxy = client.event(lambda event: event["event"] == "proxy")["address"]
    client.state("waiting")
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(way, proxy, site, "/") for way in WAYS]
        lab.bridge()
        assert [answer.result() for answer in asked] == [SMALL] * 3
