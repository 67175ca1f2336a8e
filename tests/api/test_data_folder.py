"""The data folder of a host is its owner's alone: the dates in it tell when somebody reads."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

import pytest

from freespan.access.invites import DATABASE, InviteStore
from freespan.api.data_folder import close_to_others
from freespan.tunnel.identity import load_or_create_identity
from tests.api.conftest import hosting

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """As `mkdir` makes it."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.fixture
def folder_with_notes(open_folder: Path) -> Path:
    """The same, in which there is something that no host has made."""
    (open_folder / "notes.txt").touch()
    return open_folder


@pytest.mark.parametrize("kept", ["", "egress-key.pem"])
async def test_a_host_closes_the_folder_that_it_was_given(open_folder: Path, kept: str) -> None:
    """Whether it is empty, or one of before."""
    if kept:
        load_or_create_identity(open_folder)
    async with hosting(open_folder, abuse_contact="Write to us.") as host:
        assert mode(open_folder) == 0o700
        assert host.notices == ()


async def test_a_folder_with_other_things_in_it_stays_open_and_the_host_says_so(folder_with_notes: Path) -> None:
    async with hosting(folder_with_notes) as host:
        assert mode(folder_with_notes) == 0o755
        assert "chmod 700" in host.notices[0]
        assert str(folder_with_notes) not in host.notices[0]


def test_files_that_were_copied_back_are_closed_as_well(folder_with_notes: Path) -> None:
    load_or_create_identity(folder_with_notes)
    with contextlib.closing(InviteStore(folder_with_notes, create=True)):
        pass
    files = [folder_with_notes / name for name in ("egress-key.pem", DATABASE)]
    for file in files:
        file.chmod(0o644)
    before = mode(folder_with_notes / "notes.txt")
    close_to_others(folder_with_notes)
    assert [mode(file) for file in files] == [0o600, 0o600]
    assert mode(folder_with_notes / "notes.txt") == before


@pytest.mark.parametrize("given", [0o700, 0o500, 0o1700])
def test_what_others_cannot_look_into_stays_as_it_is(open_folder: Path, given: int) -> None:
    open_folder.chmod(given)
    assert close_to_others(open_folder) == ()
    assert mode(open_folder) == given
    open_folder.chmod(0o700)


def test_a_folder_for_everybody_is_not_taken_from_them(open_folder: Path) -> None:
    """Such as /tmp, when nothing is in it."""
    open_folder.chmod(0o1777)
    assert close_to_others(open_folder)
    assert mode(open_folder) == 0o1777


def test_what_is_no_folder_is_left_to_those_who_need_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert close_to_others(tmp_path / "file") == close_to_others(tmp_path / "none") == ()
