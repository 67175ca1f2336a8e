"""A running host and the database of its invites stay in step."""

import asyncio
import datetime
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from freespan.access.guests import Guests
from freespan.access.invites import DATABASE, InviteStore, InviteStoreError
from freespan.access.keeper import KeeperSettings, keeping
from freespan.access.limits import InviteLimits
from freespan.access.records import UsageRow
from freespan.access.tokens import Tokens
from freespan.wire.errors import NotAdmittedError

TOKENS = Tokens(bytes(32))
TODAY = datetime.date(2026, 11, 30)
NOW = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC).timestamp()
QUICK = KeeperSettings(look_seconds=0.01, write_seconds=0.02)
ONLY_AT_THE_END = KeeperSettings(look_seconds=0.01, write_seconds=1_000)


def a_host() -> Guests:
    return Guests(TOKENS, is_open=False, now=lambda: NOW, monotonic=time.monotonic)


def opened(folder: Path) -> InviteStore:
    return InviteStore(folder, create=True, patience=0)


def with_store(folder: Path, act: Callable[[InviteStore], object]) -> object:
    """What `freespan invite` does: opens the database, does one thing, and closes it."""
    store = InviteStore(folder)
    try:
        return act(store)
    finally:
        store.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_invite_that_is_made_or_revoked_meanwhile_counts_at_once(tmp_path: Path) -> None:
    guests, ended = a_host(), asyncio.Queue[NotAdmittedError]()
    async with keeping(guests, opened(tmp_path), KeeperSettings()):
        made = with_store(tmp_path, lambda store: store.create("anna", today=TODAY))
        await until(lambda: guests.guest(made.id))  # type: ignore[attr-defined]
        guests.admit(TOKENS.issue(made.id)).enter(ended.put_nowait)  # type: ignore[attr-defined]
        with_store(tmp_path, lambda store: store.revoke("anna", today=TODAY))
        assert (await asyncio.wait_for(ended.get(), 20)).code == "invite_revoked"


def test_a_revoked_invite_is_in_use_for_less_than_half_a_second() -> None:
    assert KeeperSettings().look_seconds <= 0.25


async def test_what_was_used_is_there_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    anna = store.create("anna", InviteLimits(quota=1_000), today=TODAY)
    first = a_host()
    async with keeping(first, store, ONLY_AT_THE_END):
        first.admit(TOKENS.issue(anna.id)).enter(lambda _: None).count(400, 600)
    second = a_host()
    async with keeping(second, opened(tmp_path), ONLY_AT_THE_END):
        with pytest.raises(NotAdmittedError, match="has used up its 1 kB of this month"):
            second.admit(TOKENS.issue(anna.id))
    assert with_store(tmp_path, InviteStore.usage) == [
        UsageRow(invite=anna.id, day="2026-11-30", up=400, down=600, sessions=1)
    ]


async def test_what_was_used_is_written_while_the_host_runs(tmp_path: Path) -> None:
    store = opened(tmp_path)
    anna = store.create("anna", today=TODAY)
    guests = a_host()
    async with keeping(guests, store, QUICK):
        for _ in range(3):
            guests.admit(TOKENS.issue(anna.id)).count(1, 0)
            await asyncio.sleep(0.02)
        await until(lambda: sum(row.up for row in with_store(tmp_path, InviteStore.usage)) == 3)  # type: ignore[attr-defined]


async def test_a_locked_database_loses_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(tmp_path)
    anna = store.create("anna", today=TODAY)
    guests = a_host()
    other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    with caplog.at_level(logging.WARNING, "freespan"):
        async with keeping(guests, store, QUICK):
            other.execute("BEGIN EXCLUSIVE")
            guests.admit(TOKENS.issue(anna.id)).count(1, 2)
            await until(lambda: caplog.messages)
            guests.admit(TOKENS.issue(anna.id)).count(1, 2)
            await asyncio.sleep(0.1)
            other.execute("ROLLBACK")
            await until(lambda: sum(row.up for row in with_store(tmp_path, InviteStore.usage)) == 2)  # type: ignore[attr-defined]
    other.close()
    assert caplog.messages == [
        "the database of invites is locked by another program: end that one, and try again;"
        " the host goes on with what it knows"
    ]


async def test_a_database_that_cannot_be_read_is_said_at_the_start(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("DROP TABLE usage")
    database.close()
    with pytest.raises(InviteStoreError, match="is damaged"):
        async with keeping(a_host(), store, QUICK):
            raise AssertionError("it began")


async def test_a_new_month_begins_at_midnight(tmp_path: Path) -> None:
    now = [NOW]
    store = opened(tmp_path)
    anna = store.create("anna", InviteLimits(quota=1_000), today=TODAY)
    guests = Guests(TOKENS, is_open=False, now=lambda: now[0], monotonic=time.monotonic)
    async with keeping(guests, store, ONLY_AT_THE_END):
        guest = guests.admit(TOKENS.issue(anna.id))
        guest.count(0, 1_000)
        assert guest.is_over_quota
        now[0] += 12 * 3_600
        await until(lambda: not guest.is_over_quota)


async def test_a_new_month_begins_even_if_the_database_is_locked_at_midnight(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [NOW]
    store = opened(tmp_path)
    anna = store.create("anna", InviteLimits(quota=1_000), today=TODAY)
    guests = Guests(TOKENS, is_open=False, now=lambda: now[0], monotonic=time.monotonic)
    other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    async with keeping(guests, store, ONLY_AT_THE_END):
        guest = guests.admit(TOKENS.issue(anna.id))
        guest.count(0, 1_000)
        other.execute("BEGIN EXCLUSIVE")
        now[0] += 12 * 3_600
        await until(lambda: caplog.messages)
        other.execute("ROLLBACK")
        await until(lambda: not guest.is_over_quota)
    other.close()


async def test_what_cannot_be_written_for_long_takes_no_more_memory(tmp_path: Path) -> None:
    store = opened(tmp_path)
    anna = store.create("anna", today=TODAY)
    guests = a_host()
    handed: list[int] = []
    add_usage = store.add_usage

    def noting(used: Sequence[UsageRow], *, today: datetime.date) -> None:
        handed.append(len(used))
        add_usage(used, today=today)

    store.add_usage = noting  # type: ignore[method-assign]
    other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    async with keeping(guests, store, QUICK):
        other.execute("BEGIN IMMEDIATE")
        for number in range(1, 6):
            guests.admit(TOKENS.issue(anna.id)).count(1, 0)
            await until(lambda number=number: len(handed) > 2 * number and handed[-1])  # type: ignore[misc]
        other.execute("ROLLBACK")
        await until(lambda: sum(row.up for row in with_store(tmp_path, InviteStore.usage)) == 5)  # type: ignore[attr-defined]
    other.close()
    assert max(handed) == 1
