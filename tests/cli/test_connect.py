"""`freespan connect`: a proxy at once, a session when there is a bridge, and one line about everything else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket
import sys
from pathlib import Path

import msgspec
import pytest
from rich.text import Text

from freespan.cli.connect import _described
from freespan.client.status import ClientStatus
from freespan.wire.invite import format_invite
from tests.cli.conftest import AtTerminal, Command
from tests.support import readers
from tests.support.invites import invite_to
from tests.support.laboratory import SOON, Lab, laboratory, proxy_of, url_of
from tests.support.programs import SECONDS, Programs
from tests.support.site import SMALL, Site
from tests.support.tunnels import until

GOOD = format_invite(invite_to("http://127.0.0.1:1", bytes(32)))
BAD_INVITES = {
    "a word": ("hello", "is not an invite"),
    "cut": (GOOD[:-5], "is cut off or mistyped: copy the whole invite again"),
    "cut short": ("freespan2_", "is cut off or mistyped"),
    "mistyped": (GOOD[:20] + ("a" if GOOD[20] != "a" else "b") + GOOD[21:], "is cut off or mistyped"),
    "of an earlier version": ("freespan1_" + GOOD[10:], "is of an earlier version: ask whoever gave it to you for"),
    "of a later version": ("freespan3_" + GOOD[10:], "is of a later version: update freespan"),
    "of a much later version": ("freespan99_whatever", "is of a later version: update freespan"),
    "endless": ("freespan2_" + "A" * 100_000, "is cut off or mistyped"),
}


@pytest.mark.parametrize("name", ["connect", "fetch"])
@pytest.mark.parametrize(("invite", "why"), BAD_INVITES.values(), ids=BAD_INVITES.keys())
def test_a_bad_invite(command: Command, tmp_path: Path, name: str, invite: str, why: str) -> None:
    more = ["http://site.test/", "-o", str(tmp_path / "file")] if name == "fetch" else []
    message = command(name, invite, *more).fails(2)
    assert message.startswith("invite: ")
    assert why in message
    assert "hello" not in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["connect", ""], "invite: is not an invite"),
        (["connect", "http://127.0.0.1:8787"], "invite: is not an invite"),
        (["fetch", "", "http://site.test/"], "invite: is missing"),
        (["fetch", "http://127.0.0.1:8787/a", "http://site.test/b"], "invite: is missing"),
    ],
)
def test_no_invite(command: Command, arguments: list[str], message: str) -> None:
    assert command(*arguments).fails(2).startswith(message)


def test_an_invite_to_whose_key_nothing_can_be_sealed(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "invite"
    file.write_text(format_invite(invite_to("http://127.0.0.1:1", sealing_key=bytes(32))))
    message = command("connect", "--invite-file", str(file)).fails(2)
    assert message.endswith("invite: is damaged: nothing can be sealed to its key")


@pytest.mark.parametrize("command", ["connect", "fetch"])
def test_a_bad_invite_at_a_terminal(programs: Programs, tmp_path: Path, command: str) -> None:
    more = ["http://site.test/"] if command == "fetch" else []
    message = programs(command, GOOD[:-5], *more, folder=tmp_path).fails(2)
    assert message.startswith("invite: is cut off or mistyped: copy the whole invite again")


@pytest.mark.parametrize("broker", ["ftp://x", "file:///etc/passwd", "http://", "http://user@x", "http://x/?a=b"])
def test_an_invite_with_a_malformed_url(command: Command, broker: str) -> None:
    payload = msgspec.msgpack.encode([broker, bytes(32), bytes([9]) + bytes(31), bytes(24)])
    text = base64.urlsafe_b64encode(payload + hashlib.sha256(payload).digest()[:4]).decode().rstrip("=")
    assert "not an http or https URL" in command("connect", f"freespan2_{text}").fails(2)


def test_an_invite_with_line_breaks(lab: Lab) -> None:
    broken = "\n  ".join(re.findall(".{1,20}", lab.invite))
    client = lab.programs("connect", "--port", "0", "--json", invite=broken)
    client.state("open")


def test_the_proxy_is_there_at_once_and_then_the_session(lab: Lab, site: Site) -> None:
    client, proxy = lab.client()
    events = client.events()
    assert [event["event"] for event in events[:2]] == ["proxy", "state"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", proxy)
    assert [event["state"] for event in events[1:]] == ["looking", "connecting", "open"]
    assert set(events[-1]) == {"event", "state", "detail", "transport", "links", "seconds"}
    assert (events[-1]["transport"], events[-1]["links"]) == ("webrtc", 1)
    assert set(events[-1]["seconds"]) == {"offer", "rendezvous", "channel", "handshake"}
    assert readers.get(proxy, url_of(site)).body == SMALL


def test_output_for_people(lab: Lab, site: Site) -> None:
    client = lab.programs("connect", "--port", "0", invite=lab.invite)
    proxy = re.search(r"127\.0\.0\.1:\d+", client.line("Local proxy"))
    assert proxy
    client.line("connected (webrtc)  a bridge carries this session")
    assert client.stop() == 0
    assert client.errors == []
    assert "\x1b" not in client.said


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_a_terminal_shows_how_much_passes(lab: Lab, site: Site, terminal: AtTerminal) -> None:
    client = terminal("connect", "--port", "0")
    client.until("not shown")
    client.type(f"{lab.invite}\n")
    client.until("a bridge carries this session")
    proxy = re.search(r"127\.0\.0\.1:\d+", client.said)
    assert proxy
    assert readers.get(proxy[0], url_of(site)).body == SMALL
    client.until("MB/s")


def test_what_may_be_kept_does_not_say_when_something_was_read(tmp_path: Path, site: Site) -> None:
    """Such as the output of a service, which a journal keeps with the time of every line."""
    with laboratory(tmp_path) as lab:
        bridge = lab.bridge()
        client = lab.programs("connect", "--port", "0", invite=lab.invite)
        proxy = re.search(r"127\.0\.0\.1:\d+", client.line("Local proxy"))
        assert proxy
        client.line("a bridge carries this session")
        assert readers.get(proxy[0], url_of(site)).body == SMALL
        assert bridge.stop() == 0
        client.line("no bridge is left")
        lab.bridge()
        asyncio.run(until(lambda: client.said.count("a bridge carries this session") == 2))  # and all that has passed
        assert client.stop() == 0
        assert "MB" not in client.said


def test_a_port_in_use(programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = programs("connect", "--port", str(port), invite=GOOD).fails(2)
        assert message == f"--port: {port}: address already in use; choose another one"


def test_a_dead_host_is_asked_again_and_people_learn_why(programs: Programs) -> None:
    client = programs("connect", "--port", "0", "--json", invite=GOOD)
    proxy_of(client)
    for _ in range(2):
        detail = client.state("waiting")["detail"]
        assert "the host refuses the connection: it seems to be down" in detail
        assert re.search(r"; (next try in [1-9]\d* s|trying again)$", detail)
    assert client.stop() == 0
    assert client.errors == []


def test_a_dead_host_for_people(programs: Programs) -> None:
    client = programs("connect", "--port", "0", invite=GOOD)
    client.line("waiting  the host refuses the connection: it seems to be down; wait, or tell whoever runs it; ")
    assert client.stop() == 0


def test_no_bridge_is_waited_for(tmp_path: Path, site: Site) -> None:
    with laboratory(tmp_path, limits=SOON) as lab:
        client = lab.start_client()
        proxy = proxy_of(client)
        assert "no bridge is free right now" in client.state("waiting")["detail"]
        lab.bridge()
        client.state("open")
        assert readers.get(proxy, url_of(site)).body == SMALL


def test_without_a_session_a_request_gets_503(programs: Programs) -> None:
    """A request waits for a session, but not for ever."""
    client = programs(
        "connect",
        "--port",
        "0",
        "--json",
        invite=GOOD,
        limits={"freespan.client.settings.ClientSettings.session_wait_seconds": 1},
    )
    proxy = proxy_of(client)
    reply = readers.get(proxy, "http://site.test/")
    assert reply.status == 503
    assert reply.header("Proxy-Status") == 'freespan; error=destination_unavailable; details="no-host"'
    assert json.loads(reply.body)["detail"].startswith("the host refuses the connection")
    assert reply.header("Content-Type") == "application/problem+json"


def test_a_host_that_has_changed_its_key(tmp_path: Path) -> None:
    with laboratory(tmp_path / "one") as lab:
        invite, port = lab.invite, lab.port
    (tmp_path / "one" / "egress-key.pem").unlink()
    with laboratory(tmp_path / "one", "--port", str(port)) as lab:
        assert lab.port == port
        lab.bridge()
        client = lab.programs("connect", "--port", "0", "--json", invite=invite)
        message = client.state("failed")["detail"]
        assert "another key than the invite says" in message
        assert "the host has changed its key; nothing was sent. Ask for a new invite" in message
        assert client.stop() == 0  # it goes on trying: a single bridge must not be able to end a client
        fetched = lab.programs("fetch", "http://site.test/", "-o", "-", invite=invite)
        assert "Ask for a new invite" in fetched.fails(1)
        good, _ = lab.client()
        assert good.stop() == 0


ANSWERS = {
    "a page": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "is no host"),
    "no HTTP": (b"220 mail.example ready\r\n", "is no host"),
    "10 MB": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + bytes(10_000_000),
        "is no host",
    ),
    "nothing": (b"", "the host took the request, but did not answer in time"),
}


@pytest.mark.parametrize(("answer", "part"), ANSWERS.values(), ids=ANSWERS.keys())
def test_a_server_that_is_not_a_broker(programs: Programs, answer: bytes, part: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        invite = format_invite(invite_to(f"http://127.0.0.1:{server.getsockname()[1]}", bytes(32)))
        limits = {"freespan.client.settings.ClientSettings.host_seconds": 1.0}
        client = programs("connect", "--port", "0", "--json", limits=limits, invite=invite)
        with server.accept()[0] as connection:
            connection.settimeout(SECONDS)
            connection.recv(65_536)
            try:
                connection.sendall(answer)
            except ConnectionError:
                pass  # it has read enough
            detail = client.state("waiting")["detail"]
        assert part in detail
        assert "\n" not in detail
        assert client.stop() == 0
        assert client.errors == []


def test_text_from_a_broker_is_not_markup() -> None:
    words = Text.from_markup(_described(ClientStatus("waiting", "[/oops] [red]x[/] [")))
    assert words.plain == "waiting  [/oops] [red]x[/] ["
