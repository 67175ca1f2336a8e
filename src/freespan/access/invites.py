"""The invites of a host in a database (SQLite) in its data folder: names, limits, and usage by day.

`freespan invite` writes to it while the host runs: each call is one transaction. No row holds a token, a key, a time of
day, or anything of where somebody went. Rows of days that are long past become one row for each invite.
"""

from __future__ import annotations

import contextlib
import datetime
import difflib
import os
import secrets
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from freespan.access.limits import InviteLimits, check_name, name_key
from freespan.access.records import DAYS_KEPT, KINDS, READER, InviteRecord, Snapshot, UsageRow
from freespan.access.tokens import ID_SIZE
from freespan.wire.errors import InputError

DATABASE = "invites.sqlite"
FIRST = "first"
"""The name of the invite that a host makes for itself at its first start."""
_BEFORE = ""
"""The day of that sum."""
_APPLICATION_ID = 0x66737069
_VERSION = 1
_SCHEMA = f"""
    CREATE TABLE invites (
        id BLOB PRIMARY KEY NOT NULL CHECK (typeof(id) = 'blob' AND length(id) = {ID_SIZE}),
        name TEXT NOT NULL, name_key TEXT NOT NULL, kind TEXT NOT NULL,
        created TEXT NOT NULL, expires INTEGER, quota INTEGER, rate INTEGER, sessions INTEGER, revoked TEXT
    );
    CREATE UNIQUE INDEX names ON invites (name_key) WHERE revoked IS NULL;
    CREATE TABLE usage (
        invite BLOB NOT NULL, day TEXT NOT NULL,
        up INTEGER NOT NULL DEFAULT 0, down INTEGER NOT NULL DEFAULT 0, sessions INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (invite, day)
    ) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID;
"""
_ADDING_UP = """
    ON CONFLICT (invite, day) DO UPDATE
    SET up = up + excluded.up, down = down + excluded.down, sessions = sessions + excluded.sessions
"""
_COLUMNS = "id, name, kind, created, expires, quota, rate, sessions, revoked"


class InviteStoreError(InputError):
    """The database cannot be used now. What it holds is untouched."""

    def __init__(self, reason: str) -> None:
        super().__init__("data", f"{DATABASE} {reason}")
        self.cause = reason


class InviteStore:
    """The database of one data folder.

    Every method raises `InviteStoreError` with one line if the database is locked, full, damaged, gone, or of a version
    that this program does not know.

    Args:
        folder: the data folder.
        create: make the folder and the database if there is none. Without it, that there is none is an error.
        patience: seconds to wait for another program that is writing.
        random_bytes: where ids come from.
    """

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = False,
        patience: float = 5.0,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._path = folder / DATABASE
        self._patience = patience
        self._random_bytes = random_bytes
        with _one_line():
            if create:
                _make_file(self._path)
            self._connect(create=create)

    def close(self) -> None:
        """Close the database; later calls fail."""
        self._connection.close()

    # --- invites -------------------------------------------------------------------------------
    def records(self) -> list[InviteRecord]:
        """All invites in the order in which they were made, the revoked ones too."""
        with _one_line():
            return self._records()

    def find(self, name: str) -> InviteRecord:
        """The invite of this name; if several had it, the one that is not revoked, or else the last one.

        Raises:
            InputError: field `name`; there is none. The line has the nearest name.
        """
        return _find(self.records(), name)

    def create(
        self, name: str, limits: InviteLimits | None = None, *, kind: str = READER, today: datetime.date
    ) -> InviteRecord:
        """Add an invite.

        Raises:
            InputError: field `name`; it cannot be one, or another invite that is not revoked has it.
        """
        limits = limits or InviteLimits()
        name = check_name(name)
        record = InviteRecord(
            id=self._random_bytes(ID_SIZE), name=name, kind=kind, created=today.isoformat(), limits=limits
        )
        with _one_line(), self._writing() as database:
            taken = [each for each in self._records() if each.revoked is None and name_key(each.name) == name_key(name)]
            if taken:
                raise InputError(
                    "name", f'"{taken[0].name}" is taken: choose another name, or revoke that invite first'
                )
            database.execute(
                f"INSERT INTO invites ({_COLUMNS}, name_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*_row(record), name_key(name)),
            )
        return record

    def revoke(self, name: str, *, today: datetime.date) -> InviteRecord:
        """Make an invite void, for good.

        Raises:
            InputError: field `name`; there is none of this name, or it has been revoked before.
        """
        with _one_line(), self._writing() as database:
            record = _find(self._records(), name)
            if record.revoked is not None:
                raise InputError("name", f'"{record.name}" was revoked on {record.revoked} already')
            database.execute("UPDATE invites SET revoked = ? WHERE id = ?", (today.isoformat(), record.id))
        return self.find(name)

    # --- usage ---------------------------------------------------------------------------------
    def usage(self) -> list[UsageRow]:
        """What all have used, the earliest day first."""
        with _one_line():
            rows = self._connection.execute("SELECT invite, day, up, down, sessions FROM usage ORDER BY day, invite")
            return [
                UsageRow(invite=invite, day=day, up=up, down=down, sessions=sessions)
                for invite, day, up, down, sessions in rows
            ]

    def add_usage(self, used: Sequence[UsageRow], *, today: datetime.date) -> None:
        """Add to the usage what is handed in: all of it, or nothing."""
        with _one_line(), self._writing():
            self._add_usage(used, today)

    def exchange(self, used: Sequence[UsageRow], *, today: datetime.date) -> Snapshot:
        """Do the same, and return what is known then. Days that are long past become one."""
        with _one_line():
            is_writing = bool(used) or self._has_old_days(today)
            with self._writing() if is_writing else self._reading() as database:
                if is_writing:
                    self._add_usage(used, today)
                return Snapshot(tuple(self._records()), _used_in_month(database, today))

    def _add_usage(self, used: Sequence[UsageRow], today: datetime.date) -> None:
        self._connection.executemany(
            f"INSERT INTO usage (invite, day, up, down, sessions) VALUES (?, ?, ?, ?, ?) {_ADDING_UP}",
            [(each.invite, each.day, each.up, each.down, each.sessions) for each in used],
        )
        self._fold_old_days(today)

    def _has_old_days(self, today: datetime.date) -> bool:
        query = "SELECT 1 FROM usage WHERE day != ? AND day < ? LIMIT 1"
        return self._connection.execute(query, (_BEFORE, _last_day(today))).fetchone() is not None

    def _fold_old_days(self, today: datetime.date) -> None:
        last = _last_day(today)
        self._connection.execute(
            "INSERT INTO usage (invite, day, up, down, sessions)"
            " SELECT invite, ?, SUM(up), SUM(down), SUM(sessions) FROM usage WHERE day != ? AND day < ? GROUP BY invite"
            f" {_ADDING_UP}",
            (_BEFORE, _BEFORE, last),
        )
        self._connection.execute("DELETE FROM usage WHERE day != ? AND day < ?", (_BEFORE, last))

    # --- facts ---------------------------------------------------------------------------------
    def fact(self, name: str) -> str | None:
        """Something that the host has noted for later; None if it has not."""
        with _one_line():
            row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Note something for later; nothing is written that is noted already."""
        if self.fact(name) == value:
            return
        with _one_line(), self._writing() as database:
            database.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
            )

    # --- changes -------------------------------------------------------------------------------
    def change_mark(self) -> tuple[int, int]:
        """Is another one whenever somebody else has changed the database, or another file has taken its place."""
        with _one_line():
            number = self._path.stat().st_ino
            if number != self._file_number:
                before = self._connection
                self._connect(create=False)
                before.close()
            return number, int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    # --- the database --------------------------------------------------------------------------
    def _connect(self, *, create: bool) -> None:
        """Open the file and check it. If it cannot be used, all stays as it was before."""
        number = self._path.stat().st_ino
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,  # a running host uses it in one thread at a time
        )
        try:
            # Days that have become one sum leave no copy in free pages; not every SQLite does that by itself.
            connection.execute("PRAGMA secure_delete = ON")
            # A journal that came and went would change the date of the folder, which other users can see.
            connection.execute("PRAGMA journal_mode = TRUNCATE")
            if create:
                _make_tables(connection)
            _check_database(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._file_number = connection, number

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _transaction(self._connection, "BEGIN IMMEDIATE"):
            yield self._connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with _transaction(self._connection, "BEGIN"):
            yield self._connection

    def _records(self) -> list[InviteRecord]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM invites ORDER BY rowid")
        return [_record(row) for row in rows]


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection, begin: str) -> Iterator[None]:
    """All of what happens in the block, or nothing."""
    database.execute(begin)
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _make_tables(database: sqlite3.Connection) -> None:
    """Make a database of invites of an empty file."""
    if not _is_empty(database):
        return
    with _transaction(database, "BEGIN IMMEDIATE"):
        if _is_empty(database):  # nobody was faster
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {_VERSION}")


def _check_database(database: sqlite3.Connection) -> None:
    """Raise `InviteStoreError` unless this is a database of invites, of this version, and in good order."""
    if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise InviteStoreError(_DAMAGED)
    if _pragma(database, "application_id") != _APPLICATION_ID:
        raise InviteStoreError("is not a database of invites: move it away, or name another folder")
    version = _pragma(database, "user_version")
    if version > _VERSION:
        raise InviteStoreError("was written by a later version of freespan: update freespan")
    if version < _VERSION:
        raise InviteStoreError("was written by an earlier version of freespan, which this one cannot read")


def _used_in_month(database: sqlite3.Connection, today: datetime.date) -> dict[bytes, int]:
    first = today.replace(day=1).isoformat()
    query = "SELECT invite, SUM(up + down) FROM usage WHERE day >= ? GROUP BY invite"
    return dict(database.execute(query, (first,)).fetchall())


def _last_day(today: datetime.date) -> str:
    """The earliest day that is kept apart."""
    return (today - datetime.timedelta(days=DAYS_KEPT)).isoformat()


def _is_empty(database: sqlite3.Connection) -> bool:
    is_unused = _pragma(database, "application_id") == _pragma(database, "user_version") == 0
    return is_unused and database.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


_DAMAGED = "is damaged: put a copy of it back, or move it away to begin anew, which makes the invites of before void"


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Turn whatever a database or a file system may raise into one line."""
    try:
        yield
    except sqlite3.Error as error:
        raise InviteStoreError(_reason(error)) from None
    except FileNotFoundError:
        raise InviteStoreError("is not there: freespan serve makes it when it first runs with this folder") from None
    except (FileExistsError, NotADirectoryError):
        raise InputError("data", "not a directory") from None
    except OSError as error:
        raise InviteStoreError(f"cannot be used: {(error.strerror or 'input/output error').lower()}") from None


def _reason(error: sqlite3.Error) -> str:
    reasons = {
        sqlite3.SQLITE_BUSY: "is locked by another program: end that one, and try again",
        sqlite3.SQLITE_LOCKED: "is locked by another program: end that one, and try again",
        sqlite3.SQLITE_FULL: "cannot be written: no space is left on the disk",
        sqlite3.SQLITE_READONLY: "cannot be written: this user may not",
        sqlite3.SQLITE_PERM: "cannot be used: this user may not",
        sqlite3.SQLITE_AUTH: "cannot be used: this user may not",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened: it is not a file, or this user may not",
        sqlite3.SQLITE_IOERR: "cannot be read or written: input/output error",
    }
    return reasons.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _DAMAGED)


def _make_file(path: Path) -> None:
    """Make an empty database that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _find(records: Iterable[InviteRecord], name: str) -> InviteRecord:
    by_key: dict[str, InviteRecord] = {}
    for each in records:
        key = name_key(each.name)
        if each.revoked is None or key not in by_key or by_key[key].revoked is not None:
            by_key[key] = each
    if found := by_key.get(name_key(name)):
        return found
    near = difflib.get_close_matches(name_key(name), by_key, n=1)
    hint = f'did you mean "{by_key[near[0]].name}"?' if near else "freespan invite list shows all"
    raise InputError("name", f"no invite has this name; {hint}")


def _row(record: InviteRecord) -> tuple[object, ...]:
    limits = record.limits
    return (
        *(record.id, record.name, record.kind, record.created),
        *(limits.expires, limits.quota, limits.rate, limits.sessions, record.revoked),
    )


def _record(row: tuple[object, ...]) -> InviteRecord:
    """Raises `InviteStoreError` if somebody has written something else into a row."""
    invite_id, name, kind, created, expires, quota, rate, sessions, revoked = row
    numbers = [expires, quota, rate, sessions]
    is_sound = (
        isinstance(invite_id, bytes)
        and isinstance(name, str)
        and not any(unicodedata.category(each) == "Cc" for each in name)  # a terminal would obey them
        and kind in KINDS
        and isinstance(created, str)
        and isinstance(revoked, str | None)
        and all(number is None or (isinstance(number, int) and number > 0) for number in numbers)
    )
    if not is_sound:
        raise InviteStoreError(_DAMAGED)
    limits = InviteLimits(expires=expires, quota=quota, rate=rate, sessions=sessions)  # type: ignore[arg-type]
    return InviteRecord(id=invite_id, name=name, kind=kind, created=created, limits=limits, revoked=revoked)  # type: ignore[arg-type]
