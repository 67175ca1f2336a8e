"""What readers with an invite have used, as `freespan invite` and a host that was restarted know it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Command
from tests.support.laboratory import Lab, laboratory, url_of
from tests.support.programs import Program
from tests.support.site import Site


def invite(command: Command, data: Path, *arguments: str) -> dict[str, Any]:
    outcome = command("invite", *arguments, "--json", "--data", str(data))
    assert (outcome.code, outcome.errors) == (0, "")
    return dict(json.loads(outcome.output))


def fetching(lab: Lab, url: str, text: str, folder: Path) -> Program:
    folder.mkdir()
    return lab.programs("fetch", url, "-o", "file", folder=folder, invite=text)


def test_a_quota_and_what_was_used_survive_a_restart(command: Command, site: Site, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with laboratory(data) as lab:
        lab.bridge()
        anna = invite(command, data, "create", "anna", "--quota", "1MB/month")["invite"]
        hers = fetching(lab, url_of(site, "/file?bytes=30000000"), anna, tmp_path / "before")
        assert hers.wait() == 1
        assert lab.host.stop() == 0
    with laboratory(data) as lab:
        lab.bridge()
        anna = invite(command, data, "show", "anna")["invite"]  # the host has another port now
        hers = fetching(lab, url_of(site), anna, tmp_path / "after")
        assert hers.wait() == 1
        assert "this invite has used up its 1 MB of this month" in hers.error
        used = invite(command, data, "usage", "anna")
        assert (used["down"] >= 10**6, used["sessions"]) == (True, 1)
        others = fetching(lab, url_of(site), lab.invite, tmp_path / "first")
        assert others.wait() == 0
