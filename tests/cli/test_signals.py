"""SIGINT and SIGTERM end every long-running command with code 0, at once, and leave nothing."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from freespan.wire.invite import format_invite
from tests.support import readers
from tests.support.invites import invite_to
from tests.support.laboratory import Lab, laboratory, url_of
from tests.support.programs import Programs
from tests.support.site import Site

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
FAR_LESS_THAN_ONE_WAIT_FOR_EACH = 6.0
"""A host ends within two seconds; aiohttp alone would wait twice for every connection."""
AT_ONCE = 15.0
"""Generous: what is meant is that nothing waits for others; a machine may be busy."""


def listens(address: str) -> bool:
    try:
        readers.dial(address).close()
    except ConnectionRefusedError:
        return False
    return True


@BOTH
def test_each_in_the_middle_of_its_work(tmp_path: Path, site: Site, number: signal.Signals) -> None:
    """Client, bridge and host end in this order, each with a download under way; the others go on."""
    site.hold.clear()
    with laboratory(tmp_path) as lab:
        bridge = lab.bridge()
        client, proxy = lab.client()
        second, other = lab.client()
        readers.get(other, url_of(site))
        held = readers.dial(proxy)
        with held:
            held.sendall(f"GET {url_of(site, '/held')} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            readers.read_exactly(held, 15)
            assert client.stop(number, AT_ONCE) == 0
            with pytest.raises(ConnectionResetError):
                readers.read_all(held)
        assert not listens(proxy)
        assert bridge.stop(number, AT_ONCE) == 0
        assert (
            second.state("waiting")["detail"] == "no bridge is left; open connections continue when another one comes"
        )
        address = f"127.0.0.1:{lab.port}"
        assert lab.host.stop(number, AT_ONCE) == 0
        assert not listens(address)
        assert second.stop(number, AT_ONCE) == 0
        assert [program.errors for program in lab.programs.all] == [[]] * 4
    site.hold.set()


@BOTH
@pytest.mark.parametrize("command", ["connect", "bridge"])
def test_while_nobody_answers(programs: Programs, command: str, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        invite = format_invite(invite_to(url, bytes(32)))
        options = ["bridge", url] if command == "bridge" else ["connect", "--port", "0"]
        program = programs(*options, "--json", invite=invite)
        program.state("connecting", "looking")
        silent.settimeout(AT_ONCE)
        with silent.accept()[0]:
            assert program.stop(number, AT_ONCE) == 0
        assert program.errors == []


def test_a_host_does_not_wait_for_those_who_are_connected(programs: Programs, tmp_path: Path) -> None:
    host = programs("serve", "--port", "0", "--data", str(tmp_path), "--json")
    url = host.event(lambda event: event["event"] == "ready")["url"]
    path, address = url.removeprefix("http://").partition("/")[2], url.split("/")[2]
    silent = [readers.dial(address) for _ in range(6)]
    websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    for connection, (method, name, headers) in zip(
        silent,
        [
            ("GET", "bridge", f"{websocket}{'A' * 22}==\r\n"),
            ("GET", "egress", f"{websocket}{'A' * 22}==\r\n"),
            ("POST", "rendezvous", "Content-Length: 100\r\n"),
            ("POST", "rendezvous", "Transfer-Encoding: chunked\r\n"),
            ("GET", "countries", ""),
        ],
        strict=False,
    ):
        connection.sendall(f"{method} /{path}/v1/{name} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    readers.read_exactly(silent[4], 12)  # the last one has been answered, and is kept open
    assert host.stop(signal.SIGTERM, FAR_LESS_THAN_ONE_WAIT_FOR_EACH) == 0
    assert host.errors == []
    for connection in silent:
        connection.close()


def test_for_people(lab: Lab, programs: Programs, tmp_path: Path) -> None:
    host = programs("serve", "--port", "0", "--data", str(tmp_path))
    bridge = programs("bridge", lab.url)
    host.line("serves at ")
    bridge.line("waiting")  # before a client may choose it
    client = programs("connect", "--port", "0", invite=lab.invite)
    client.line("connected")
    assert [program.stop(signal.SIGINT, AT_ONCE) for program in (host, client, bridge)] == [0, 0, 0]
    assert [program.errors for program in (host, client, bridge)] == [[], [], []]
