"""`freespan serve --access`: what a host says of who may use it, and what `freespan invite` does while it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from freespan.cli.serve import _figures
from freespan.observe.host_status import HostStatus
from freespan.wire.invite import TOKEN_SIZE, format_invite, parse_invite
from tests.cli.conftest import Command
from tests.support.laboratory import EXACT, Lab, laboratory, url_of
from tests.support.programs import Program, Programs
from tests.support.site import Site


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


# --- what a reader reads --------------------------------------------------------------------------
REVOKED = "freespan: this invite was revoked by the host: ask for a new one"
UNKNOWN = "freespan: this host does not know the invite: ask whoever gave it to you for a new one"


def invite_named(command: Command, lab: Lab, name: str, *options: str) -> str:
    assert command("invite", "create", name, *options, "--data", str(lab.data)).code == 0
    return str(json.loads(command("invite", "show", name, "--json", "--data", str(lab.data)).output)["invite"])


def test_whoever_is_cut_off_reads_why_in_one_line_and_nobody_else_notices(
    command: Command, site: Site, tmp_path: Path
) -> None:
    """Revoked and over its quota, both in the middle of a download; a client that waits; and who comes afterwards."""
    folder = tmp_path / "files"
    folder.mkdir()
    with laboratory(tmp_path / "data", "--access", "invited", limits=EXACT) as lab:
        lab.bridge("--capacity", "16")
        anna = invite_named(command, lab, "anna", "--rate", "2MB/s")
        bela = invite_named(command, lab, "bela", "--quota", "1MB/month")
        carla = invite_named(command, lab, "carla", "--rate", "1MB/s")

        def fetching(invite: str, size: int) -> Program:
            return lab.programs("fetch", url_of(site, f"/file?bytes={size}"), "-o", "-", folder=folder, invite=invite)

        waiting = lab.programs("connect", "--port", "0", folder=folder, invite=anna)
        waiting.line("connected")
        long, other = fetching(anna, 100_000_000), fetching(carla, 5_000_000)
        lab.until_sessions(3)
        assert command("invite", "revoke", "anna", "--data", str(lab.data)).code == 0
        assert (waiting.wait(), waiting.errors) == (1, [REVOKED])
        assert (long.wait(), long.errors) == (1, [REVOKED])
        assert (other.wait(), other.errors) == (0, [])
        again = fetching(anna, 1)
        assert (again.wait(), again.errors) == (1, [REVOKED])
        greedy = fetching(bela, 50_000_000)
        assert greedy.wait() == 1
        assert greedy.errors[0].startswith("freespan: this invite has used up its 1 MB of this month: it works again")
        forged = format_invite(msgspec.structs.replace(parse_invite(lab.invite), token=bytes(TOKEN_SIZE)))
        stranger = fetching(forged, 1)
        assert (stranger.wait(), stranger.errors) == (1, [UNKNOWN])
        assert fetching(lab.invite, 1_000).wait() == 0
