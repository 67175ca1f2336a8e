"""The invites of a host that runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest

import freespan
from freespan.access.invites import DATABASE, InviteStore
from freespan.api.host_invites import today
from freespan.api.invite_writer import HostAddress, InviteWriter
from freespan.tunnel.identity import load_or_create_identity
from freespan.wire.invite import parse_invite
from tests.api.conftest import SECONDS, hosting


def opened(folder: Path) -> contextlib.closing[InviteStore]:
    return contextlib.closing(InviteStore(folder))


async def until_the_invite_is(host: freespan.Host, text: str) -> None:
    async with asyncio.timeout(SECONDS):
        while host.invite != text:
            await asyncio.sleep(0.01)


async def test_the_first_start_makes_an_invite_and_no_later_one_does(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        first = parse_invite(host.invite).token
    async with hosting(tmp_path) as host:
        assert parse_invite(host.invite).token == first
    with opened(tmp_path) as store:
        assert [each.name for each in store.records()] == ["first"]


async def test_a_revoked_first_invite_is_not_made_again(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        with opened(tmp_path) as store:
            store.revoke("first", today=today())
        await until_the_invite_is(host, "")
    async with hosting(tmp_path) as host:
        assert host.invite == ""


async def test_the_host_shows_the_oldest_invite_that_works(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        with opened(tmp_path) as store:
            made = store.create("anna", today=today())
            store.revoke("first", today=today())
            writer = InviteWriter(load_or_create_identity(tmp_path), HostAddress.noted_in(store))
        await until_the_invite_is(host, writer.text(made))


async def test_whoever_has_the_folder_can_write_the_same_invite(tmp_path: Path) -> None:
    server = "stun:stun.example:3478"
    async with hosting(tmp_path, front=["https://cdn.example"], stun_server=[server], stun_port=0) as host:
        with opened(tmp_path) as store:
            writer = InviteWriter(load_or_create_identity(tmp_path), HostAddress.noted_in(store))
            assert writer.text(store.find("first")) == host.invite
            assert writer.link(store.find("first")) == f"{host.url}/join#{host.invite}"
        assert parse_invite(host.invite).stun == (host.stun, (server,))


async def test_names_that_make_an_invite_too_long_are_refused_at_the_start(tmp_path: Path) -> None:
    fronts = [f"https://{number}{'x' * 400}.example" for number in range(4)]
    with pytest.raises(freespan.InputError, match=r"^front: makes the invite too long"):
        async with hosting(tmp_path, front=fronts):
            raise AssertionError("it began")


async def test_a_damaged_database_is_one_line_and_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"garbage" * 100)
    with pytest.raises(freespan.InputError, match=r"^data: invites.sqlite is damaged: put a copy of it back"):
        async with hosting(tmp_path):
            raise AssertionError("it began")
    assert (tmp_path / DATABASE).read_bytes() == b"garbage" * 100


async def test_a_change_of_access_is_said_at_the_start_that_makes_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosting(tmp_path) as host:
        assert host.notices == ()
    with caplog.at_level(logging.INFO, "freespan.api.running_host"):
        async with hosting(tmp_path, access="invited") as host:
            assert "this stops working:" in host.notices[0]
            assert any("without an invite" in line for line in host.notices)
            assert any("pages that read by themselves" in line for line in host.notices)
    assert caplog.messages[:-1] == [line.strip() for line in host.notices]
    async with hosting(tmp_path, access="invited") as host:
        assert host.notices == ()
    async with hosting(tmp_path) as host:
        assert "it is open" in host.notices[0]


async def test_a_host_that_begins_with_invited_readers_only_changes_nothing(tmp_path: Path) -> None:
    async with hosting(tmp_path, access="invited") as host:
        assert host.notices == ()


async def test_an_open_host_says_in_its_log_what_that_means(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "freespan"):
        async with hosting(tmp_path):
            pass
    assert any("everybody who has its address may read" in message for message in caplog.messages)


def test_access_is_one_of_two_words() -> None:
    with pytest.raises(freespan.InputError, match=r"^access: must be open or invited$"):
        freespan.HostSettings(access="closed")
