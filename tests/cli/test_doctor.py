"""`freespan doctor`: its three lists, for people and for programs, and its exit codes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from freespan.doctor.settings import DoctorSettings
from tests.cli.conftest import Command
from tests.support.laboratory import Lab

STATES = {"good", "note", "bad", "skipped"}


@pytest.fixture(autouse=True)
def short_quiet() -> Iterator[None]:
    """No test is here for the time for which a WebSocket is left quiet."""
    defaults: dict[str, Any] = DoctorSettings.__init__.__kwdefaults__ or {}
    before = dict(defaults)
    defaults.update(quiet_seconds=0.1, session_seconds=10.0)
    yield
    defaults.update(before)


def test_a_host_that_is_well(command: Command, lab: Lab) -> None:
    found = command("doctor", "host", lab.url)
    assert (found.code, found.errors) == (0, "")
    assert found.output.splitlines()[-1] == "All is well."
    assert "✓ WebSockets: WebSockets are passed on, and the broker answers" in found.output


def test_a_url_alone_is_that_of_a_host(command: Command, lab: Lab) -> None:
    assert command("doctor", lab.url).output == command("doctor", "host", lab.url).output


@pytest.mark.parametrize(
    "pasted", ["{url}/switch.js", "<script type=module src={url}/switch.js></script>", "see {url}/ ."]
)
def test_a_url_as_people_paste_it(command: Command, lab: Lab, pasted: str) -> None:
    found = command("doctor", "bridge", *pasted.format(url=lab.url).split())
    assert (found.code, found.errors) == (0, ""), found.output


def test_a_host_by_its_settings_is_looked_at_on_this_machine_too(command: Command, lab: Lab) -> None:
    found = command("doctor", "host", "--data", str(lab.data), "--public-url", lab.url, "--json")
    events = [json.loads(line) for line in found.output.splitlines()]
    names = [event["check"] for event in events if event["event"] == "check"]
    assert {"version", "settings", "data", "files", "memory", "path", "websocket", "quiet"} <= set(names)
    assert {event["state"] for event in events[:-1]} <= STATES
    assert (found.code, events[-1]["event"], events[-1]["well"]) == (0, "result", True), found.output


def test_the_path_of_a_host_is_read_where_it_is_kept(command: Command, lab: Lab) -> None:
    before = sorted(lab.data.iterdir())
    found = command("doctor", "host", "--data", str(lab.data), "--port", str(lab.port))
    assert found.code == 0, found.output
    assert sorted(lab.data.iterdir()) == before


def test_nothing_is_made_where_no_host_has_been(command: Command, tmp_path: Path) -> None:
    found = command("doctor", "host", "--data", str(tmp_path / "new"))
    assert found.fails(2).startswith("--data: holds no path yet")
    assert not (tmp_path / "new").exists()


def test_what_was_pasted_is_searched(command: Command, lab: Lab) -> None:
    """The line for pages, as a shell passes it on, and an invite in the message that it came in."""
    for words in ([f"«{lab.url}/switch.js»"], ["here:", f"{lab.url}/embed,", "Anna"]):
        assert command("doctor", "host", *words).output.splitlines()[-1] == "All is well."
    assert command("doctor", "bridge", lab.invite).fails(2).startswith("URL: is an invite, which is for readers")
    found = command("doctor", "client", "--port", "0", invite=f"> {lab.invite[:50]}\n> {lab.invite[50:]}.")
    assert (found.code, found.errors) == (0, ""), found.output


def test_a_bridge(command: Command, lab: Lab) -> None:
    found = command("doctor", "bridge", lab.url)
    assert (found.code, found.errors) == (0, ""), found.output
    assert "✓ UDP and NAT: " in found.output


def test_a_client_by_every_transport(command: Command, lab: Lab) -> None:
    found = command("doctor", "client", "--port", "0", "--json", invite=lab.invite)
    checks = {event["check"]: event for event in map(json.loads, found.output.splitlines()[:-1])}
    assert found.code == 0, found.output
    for name in ("webrtc", "websocket"):
        assert checks[name]["text"].startswith("open after "), checks
    assert checks["host.answer"]["state"] == "good"
    assert lab.path not in found.output
    assert lab.invite not in found.output


@pytest.mark.parametrize("kind", ["host", "bridge"])
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_wrong_makes_exit_code_1(command: Command, lab: Lab, kind: str, *, as_json: bool) -> None:
    found = command("doctor", kind, f"{lab.url}-not", *(["--json"] if as_json else []))
    assert (found.code, found.errors) == (1, "")
    assert urlsplit(lab.url).path not in found.output
    if as_json:
        states = {event["check"]: event["state"] for event in map(json.loads, found.output.splitlines()[:-1])}
        assert (states["path"], states["websocket"]) == ("bad", "skipped")
    else:
        assert "✗ Path: " in found.output
        assert "\n  → " in found.output
        assert found.output.endswith("One thing is wrong.\n")


def test_a_port_that_is_taken(command: Command, lab: Lab) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = command("doctor", "client", "--port", str(taken.getsockname()[1]), invite=lab.invite)
    assert found.code == 1
    assert "✗ Local proxy: its port cannot be used" in found.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("host", "no address at all"),
        ("nobody",),
        ("bridge", "ftp://bridge.example"),
        ("bridge",),
        ("client", "freespan2_cut"),
        ("host", "--port", "x"),
    ],
)
def test_wrong_usage(command: Command, arguments: tuple[str, ...]) -> None:
    assert command("doctor", *arguments).fails(2)
