"""`freespan bridge`: it waits, helps, and comes back to its host."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from freespan.wire.pasted_host import FAULTS
from tests.cli.conftest import AtTerminal, Command
from tests.support import readers
from tests.support.laboratory import SOON, laboratory, url_of
from tests.support.programs import SECONDS, Programs
from tests.support.site import SMALL, Site


def test_it_waits_helps_and_counts(tmp_path: Path, site: Site) -> None:
    with laboratory(tmp_path) as lab:
        bridge = lab.start_bridge()
        assert bridge.state("connecting") == {"event": "state", "state": "connecting", "now": 0, "total": 0}
        assert bridge.state("waiting") == {"event": "state", "state": "waiting", "now": 0, "total": 0}
        client, proxy = lab.client()
        assert bridge.state("helping")["now"] == 1
        assert readers.get(proxy, url_of(site)).body == SMALL
        assert client.stop() == 0
        assert bridge.state("waiting") == {"event": "state", "state": "waiting", "now": 0, "total": 1}
        assert bridge.stop() == 0
        assert bridge.errors == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_output_for_people(terminal: AtTerminal, tmp_path: Path) -> None:
    with laboratory(tmp_path) as lab:
        bridge = terminal("bridge", lab.url)
        bridge.until("Bridge for readers of censored networks")
        bridge.until("waiting for a reader")
        client, _ = lab.client()
        bridge.until("helping 1 now")
        assert client.stop() == 0
        bridge.until("1 helped")
        bridge.process.send_signal(signal.SIGTERM)
        assert bridge.process.wait(SECONDS) == 0


def test_what_may_be_kept_does_not_count_readers(tmp_path: Path) -> None:
    """Such as the output of a service, which a journal keeps with the time of every line; its log as well."""
    with laboratory(tmp_path) as lab:
        bridge = lab.programs("bridge", lab.url, "--verbose")
        bridge.line("waiting for a reader")
        client, _ = lab.client()
        assert client.stop() == 0
        assert lab.host.stop() == 0
        bridge.line("the broker is away")
        assert bridge.stop() == 0
        lines = [line for line in bridge.output if line]
        assert lines[:4] == [
            "Bridge for readers of censored networks.   Ctrl-C ends it",
            "● connecting to the broker",
            "● waiting for a reader",
            "● the broker is away; trying again",
        ]
        assert all(line.startswith("● the host refuses the connection") for line in lines[4:])  # it has tried again
        assert [line for line in bridge.errors if "broker connection lost" not in line] == []


def test_the_host_goes_away_and_comes_back(tmp_path: Path, site: Site) -> None:
    with laboratory(tmp_path) as lab:
        bridge = lab.bridge()
        port = lab.port
        assert lab.host.stop() == 0
        bridge.state("offline")
        with laboratory(tmp_path, "--port", str(port)) as again:
            bridge.state("waiting")
            _, proxy = again.client()
            assert readers.get(proxy, url_of(site)).body == SMALL


def test_capacity(tmp_path: Path, site: Site) -> None:
    with laboratory(tmp_path, limits=SOON) as lab:
        lab.bridge("--capacity", "1")
        first, proxy = lab.client()
        second = lab.start_client()
        assert "no bridge is free" in second.state("waiting")["detail"]
        assert readers.get(proxy, url_of(site)).body == SMALL
        assert first.stop() == 0
        second.state("open")


@pytest.mark.parametrize("url", ["", "hello", "ftp://x", "http://", "http://[::1", "http://x:99999"])
def test_a_malformed_url(command: Command, url: str) -> None:
    assert command("bridge", url).fails(2) == "URL: must be the http or https URL of a host"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["freespan2_x"], FAULTS["invite"]),
        (["https://h.example/join#freespan2_x"], FAULTS["invite"]),
        (["Freespan2_ab", "cd"], FAULTS["invite"]),
        (["https://a.example", "https://b.example/"], FAULTS["several"]),
        (["https://h.example/gar–den"], FAULTS["damaged"]),
    ],
)
def test_what_was_pasted_by_mistake(command: Command, words: list[str], why: str) -> None:
    assert command("bridge", *words).fails(2) == f"URL: {why}"


def test_the_line_for_pages_is_taken_as_well(tmp_path: Path) -> None:
    with laboratory(tmp_path) as lab:
        for words in (
            [f'<script type="module" src="{lab.url}/switch.js"></script>'],
            ["[the", f"host]({lab.url}/embed?layout=card)"],
            [f"\u200e{lab.url.replace('http', 'HTTP')}/bridge،"],
        ):
            bridge = lab.programs("bridge", *words)
            bridge.line("waiting for a reader")
            assert bridge.stop() == 0


def test_an_address_without_a_broker(tmp_path: Path) -> None:
    with laboratory(tmp_path) as lab:
        bridge = lab.programs("bridge", f"{lab.url}/wrong")
        bridge.line("there is no host at this path (404): check the address")
        assert bridge.stop() == 0


def test_a_server_that_is_not_a_host(programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        bridge = programs("bridge", f"http://127.0.0.1:{server.getsockname()[1]}", "--json")
        with server.accept()[0] as connection:
            connection.settimeout(SECONDS)
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        bridge.state("offline")
        assert bridge.stop() == 0
        assert bridge.errors == []
