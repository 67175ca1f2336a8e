"""The database of invites: what it keeps, and what it says where it cannot be used."""

import contextlib
import datetime
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from freespan.access.invites import DATABASE, InviteStore, InviteStoreError
from freespan.access.limits import InviteLimits
from freespan.access.records import InviteRecord, UsageRow
from freespan.wire.errors import InputError

TODAY = datetime.date(2026, 11, 30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[InviteStore]:
    made = InviteStore(tmp_path, create=True, patience=0)
    yield made
    made.close()


def used(record: InviteRecord, day: str = "2026-11-30", up: int = 1, down: int = 2) -> UsageRow:
    return UsageRow(invite=record.id, day=day, up=up, down=down, sessions=1)


def reopened(folder: Path) -> InviteStore:
    return InviteStore(folder, patience=0)


def reason_for(folder: Path, *, create: bool = False) -> str:
    with pytest.raises(InputError) as caught:
        InviteStore(folder, create=create, patience=0).close()
    assert caught.value.field == "data"
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_an_invite_is_there_again_after_a_restart(store: InviteStore, tmp_path: Path) -> None:
    limits = InviteLimits(expires=1_800_000_000, quota=20 * 10**9, rate=2 * 10**6, sessions=3)
    made = store.create("anna", limits, today=TODAY)
    again = reopened(tmp_path)
    assert again.find("anna") == made
    assert (made.limits, made.created, made.revoked, made.kind) == (limits, "2026-11-30", None, "reader")
    again.close()


def test_only_its_owner_can_read_it(store: InviteStore, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / DATABASE).stat().st_mode) == 0o600


def test_the_date_of_the_folder_does_not_tell_when_somebody_reads(store: InviteStore, tmp_path: Path) -> None:
    """Every user can see it, also where the folder itself is closed to them."""
    record = store.create("anna", today=TODAY)
    os.utime(tmp_path, (1, 1))
    store.add_usage([used(record)], today=TODAY)
    again = reopened(tmp_path)
    again.add_usage([used(record)], today=TODAY)
    again.close()
    assert tmp_path.stat().st_mtime == 1
    assert all(file.stat().st_size == 0 for file in tmp_path.iterdir() if file.name != DATABASE)


def test_a_taken_name_is_refused_whatever_its_capitals(store: InviteStore) -> None:
    store.create("Anna", today=TODAY)
    with pytest.raises(InputError, match=r'^name: "Anna" is taken: choose another name, or revoke that invite first'):
        store.create("anna", today=TODAY)


def test_whoever_lost_an_invite_gets_another_one_of_the_same_name(store: InviteStore) -> None:
    lost = store.create("anna", today=TODAY)
    store.revoke("anna", today=TODAY)
    new = store.create("anna", today=TODAY)
    assert store.find("ANNA") == new
    assert [(each.id, each.revoked) for each in store.records()] == [(lost.id, "2026-11-30"), (new.id, None)]


def test_revoking_twice_is_said(store: InviteStore) -> None:
    store.create("anna", today=TODAY)
    assert store.revoke("anna", today=TODAY).revoked == "2026-11-30"
    with pytest.raises(InputError, match=r'^name: "anna" was revoked on 2026-11-30 already$'):
        store.revoke("anna", today=TODAY)


def test_the_nearest_name_is_offered_for_an_unknown_one(store: InviteStore) -> None:
    store.create("newsroom", today=TODAY)
    with pytest.raises(InputError, match=r'^name: no invite has this name; did you mean "newsroom"[?]'):
        store.find("newsrom")
    with pytest.raises(InputError, match=r"^name: no invite has this name; freespan invite list shows all"):
        store.revoke("zoe", today=TODAY)


def test_usage_adds_up_by_day_and_survives_a_restart(store: InviteStore, tmp_path: Path) -> None:
    anna = store.create("anna", today=TODAY)
    store.exchange([used(anna, "2026-11-29"), used(anna)], today=TODAY)
    store.exchange([used(anna)], today=TODAY)
    again = reopened(tmp_path)
    assert again.usage() == [
        used(anna, "2026-11-29"),
        UsageRow(invite=anna.id, day="2026-11-30", up=2, down=4, sessions=2),
    ]
    again.close()


def test_a_quota_counts_the_bytes_of_this_month(store: InviteStore) -> None:
    anna = store.create("anna", today=TODAY)
    rows = [used(anna, day) for day in ("2026-10-31", "2026-11-01", "2026-11-30")]
    assert store.exchange(rows, today=TODAY).used == {anna.id: 6}
    assert store.exchange([], today=datetime.date(2026, 12, 1)).used == {}


def test_days_that_are_long_past_become_one_sum(store: InviteStore) -> None:
    anna = store.create("anna", today=TODAY)
    store.exchange([used(anna, day) for day in ("2026-01-01", "2026-02-01", "2026-11-30")], today=TODAY)
    store.exchange([used(anna, "2026-03-01")], today=TODAY)
    assert store.usage() == [UsageRow(invite=anna.id, day="", up=3, down=6, sessions=3), used(anna)]


def test_nothing_of_them_is_left_in_the_file(store: InviteStore, tmp_path: Path) -> None:
    anna = store.create("anna", today=TODAY)
    store.exchange([used(anna, "2026-01-01")], today=datetime.date(2026, 1, 1))
    assert b"2026-01-01" in (tmp_path / DATABASE).read_bytes()
    store.exchange([], today=TODAY)
    assert b"2026-01-01" not in (tmp_path / DATABASE).read_bytes()


def test_they_do_so_though_nobody_comes_any_more(store: InviteStore) -> None:
    anna = store.create("anna", today=TODAY)
    store.exchange([used(anna)], today=TODAY)
    store.exchange([], today=TODAY + datetime.timedelta(days=100))
    assert [row.day for row in store.usage()] == ["2026-11-30"]
    store.exchange([], today=TODAY + datetime.timedelta(days=101))
    assert [row.day for row in store.usage()] == [""]


def test_the_database_holds_no_token_and_no_time_of_day(store: InviteStore, tmp_path: Path) -> None:
    store.exchange([used(store.create("anna", today=TODAY))], today=TODAY)
    with sqlite3.connect(tmp_path / DATABASE) as database:
        columns = {
            f"{table}.{row[1]}"
            for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for row in database.execute(f"PRAGMA table_info({table})")
        }
    database.close()
    assert columns == {
        *(f"invites.{name}" for name in ("id", "name", "name_key", "kind", "created", "revoked")),
        *(f"invites.{name}" for name in ("expires", "quota", "rate", "sessions")),
        *(f"usage.{name}" for name in ("invite", "day", "up", "down", "sessions")),
        *("facts.name", "facts.value"),
    }


def test_a_change_by_another_program_is_noticed_and_ones_own_is_not(store: InviteStore, tmp_path: Path) -> None:
    before = store.change_mark()
    store.create("mine", today=TODAY)
    assert store.change_mark() == before
    other = reopened(tmp_path)
    other.create("theirs", today=TODAY)
    other.close()
    assert store.change_mark() != before


def test_another_file_in_its_place_is_noticed(store: InviteStore, tmp_path: Path) -> None:
    store.create("anna", today=TODAY)
    before = store.change_mark()
    copy = (tmp_path / DATABASE).read_bytes()
    (tmp_path / DATABASE).rename(tmp_path / "away")
    with pytest.raises(InviteStoreError, match="is not there"):
        store.change_mark()
    (tmp_path / DATABASE).write_bytes(copy)
    assert store.change_mark() != before
    store.create("bela", today=TODAY)
    again = reopened(tmp_path)
    assert [each.name for each in again.records()] == ["anna", "bela"]
    again.close()


def test_a_file_that_cannot_be_used_does_not_take_its_place(store: InviteStore, tmp_path: Path) -> None:
    """As often as it is looked at: a running host goes on with what it knows."""
    anna = store.create("anna", today=TODAY)
    (tmp_path / DATABASE).rename(tmp_path / "away")
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.execute("CREATE TABLE notes (text)")
    for _ in range(2):
        with pytest.raises(InviteStoreError, match="is not a database of invites"):
            store.change_mark()
    (tmp_path / "away").rename(tmp_path / DATABASE)
    store.change_mark()
    assert store.records() == [anna]


def test_what_was_noted_can_be_read_again(store: InviteStore, tmp_path: Path) -> None:
    store.note("access", "open")
    store.note("access", "invited")
    again = reopened(tmp_path)
    assert (again.fact("access"), again.fact("other")) == ("invited", None)
    again.close()


# --- databases that cannot be used ----------------------------------------------------------------


def test_a_folder_without_one_says_who_makes_it(tmp_path: Path) -> None:
    assert reason_for(tmp_path) == (
        "invites.sqlite is not there: freespan serve makes it when it first runs with this folder"
    )
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert reason_for(tmp_path / "file", create=True) == "not a directory"


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / DATABASE).mkdir()
    assert reason_for(tmp_path, create=True) == (
        "invites.sqlite cannot be opened: it is not a file, or this user may not"
    )


def test_a_locked_one_is_said_and_nothing_is_lost(store: InviteStore, tmp_path: Path) -> None:
    anna = store.create("anna", today=TODAY)
    other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for attempt in (
        lambda: store.exchange([used(anna)], today=TODAY),
        lambda: store.create("bela", today=TODAY),
        lambda: store.revoke("anna", today=TODAY),
        store.records,
        store.change_mark,
        lambda: reopened(tmp_path),
    ):
        with pytest.raises(InviteStoreError, match=r"^data: invites.sqlite is locked by another program: end that one"):
            attempt()
    other.execute("ROLLBACK")
    other.close()
    assert store.exchange([used(anna)], today=TODAY).records == (anna,)


def test_a_full_disk_is_said_and_nothing_is_lost(store: InviteStore, tmp_path: Path) -> None:
    store.create("anna", today=TODAY)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(InviteStoreError, match="cannot be written: no space is left on the disk"):
        for number in range(1_000):
            store.create(f"reader {number}", today=TODAY)
    number_kept = len(store.records())
    again = reopened(tmp_path)
    assert len(again.records()) == number_kept
    again.close()


@pytest.mark.parametrize("content", [b"garbage" * 1_000, b"SQLite format 3\0" + bytes(4_096)])
def test_one_that_is_none_is_said_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    assert reason_for(tmp_path, create=True).startswith("invites.sqlite is damaged: put a copy of it back")
    assert (tmp_path / DATABASE).read_bytes() == content


def test_a_damaged_page_is_noticed_at_once(store: InviteStore, tmp_path: Path) -> None:
    for number in range(100):
        store.create(f"reader {number}", today=TODAY)
    store.close()
    content = bytearray((tmp_path / DATABASE).read_bytes())
    content[4_096 : 5 * 4_096] = b"\xa5" * 4 * 4_096
    (tmp_path / DATABASE).write_bytes(content)
    assert "is damaged" in reason_for(tmp_path)


def test_a_cut_one_is_noticed_at_once(store: InviteStore, tmp_path: Path) -> None:
    for number in range(100):
        store.create(f"reader {number}", today=TODAY)
    store.close()
    content = (tmp_path / DATABASE).read_bytes()
    (tmp_path / DATABASE).write_bytes(content[: len(content) // 2])
    assert "is damaged" in reason_for(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE invites SET kind = 'other'",
        "UPDATE invites SET quota = 'much'",
        "UPDATE invites SET sessions = 0",
        "UPDATE invites SET name = x'ff'",
        "UPDATE invites SET name = CAST(x'ff' AS TEXT)",
        "ALTER TABLE invites DROP COLUMN rate",
    ],
)
def test_a_row_that_somebody_has_spoilt_is_said(store: InviteStore, tmp_path: Path, change: str) -> None:
    store.create("anna", today=TODAY)
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute(change)
    database.close()
    with pytest.raises(InviteStoreError, match="is damaged"):
        store.records()


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [
        ("user_version = 2", "was written by a later version of freespan: update freespan"),
        ("user_version = 0", "was written by an earlier version of freespan, which this one cannot read"),
        ("application_id = 7", "is not a database of invites: move it away, or name another folder"),
    ],
)
def test_one_of_another_version_is_said_and_left_alone(
    store: InviteStore, tmp_path: Path, pragma: str, reason: str
) -> None:
    store.create("anna", today=TODAY)
    store.close()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute(f"PRAGMA {pragma}")
    database.close()
    before = (tmp_path / DATABASE).read_bytes()
    assert reason_for(tmp_path, create=True) == f"invites.sqlite {reason}"
    assert (tmp_path / DATABASE).read_bytes() == before
