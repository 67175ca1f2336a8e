"""`freespan serve --access`: what a host says of who may use it, and what `freespan invite` does while it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from freespan.cli.serve import _figures
from freespan.observe.host_status import HostStatus
from tests.cli.conftest import Command
from tests.support.laboratory import laboratory
from tests.support.programs import Programs


def test_an_open_host_says_what_that_means_and_what_closing_it_stops(programs: Programs, tmp_path: Path) -> None:
    serve = ("serve", "--port", "0", "--no-stun", "--data", str(tmp_path))
    host = programs(*serve)
    assert "everybody who has its address may read through it" in host.line("This host is open")
    assert "--access invited" in host.line("This host is open")
    assert host.stop() == 0
    host = programs(*serve, "--access", "invited")
    assert host.line("was open until now").endswith("this stops working:")
    host.line("without an invite")
    assert "freespan invite create NAME" in host.line("This host takes invited readers only")
    assert host.stop() == 0
    host = programs(*serve, "--access", "invited", "--json")
    ready = host.event(lambda event: event["event"] == "ready")
    assert (ready["access"], ready["notices"]) == ("invited", [])


@pytest.mark.parametrize(("access", "text"), [("open", "open to everybody"), ("invited", "invited readers only")])
def test_the_status_line_says_who_may_use_the_host(access: str, text: str) -> None:
    @dataclass
    class Running:
        status: HostStatus

    assert text in _figures(Running(HostStatus(access=access)))  # type: ignore[arg-type]


def test_access_takes_two_words(command: Command, tmp_path: Path) -> None:
    message = command("serve", "--port", "0", "--data", str(tmp_path), "--access", "closed").fails(2)
    assert message == "--access: must be open or invited"


def test_invites_are_made_shown_and_revoked_while_the_host_runs(command: Command, tmp_path: Path) -> None:
    with laboratory(tmp_path) as lab:
        text = lab.invite
        shown = json.loads(command("invite", "show", "first", "--json", "--data", str(tmp_path)).output)
        assert shown["invite"] == text
        assert command("invite", "create", "anna", "--data", str(tmp_path)).code == 0
        assert command("invite", "revoke", "anna", "--data", str(tmp_path)).code == 0
