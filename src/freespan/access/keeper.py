"""Keeps the guests of a running host and the database of its invites in step. The event loop waits for neither.

    every quarter of a second   has `freespan invite` changed something? is an invite void by now? has the day changed?
    every few seconds           what has been used is written, if anything has
    at the end                  the same once more

While the database cannot be used, the host goes on with what it knows, and keeps what it has counted until it can.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from freespan.access.guests import Guests
from freespan.access.invites import InviteStore, InviteStoreError
from freespan.access.records import Snapshot, UsageRow
from freespan.observe.out_of_memory import check_memory

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KeeperSettings:
    """Times in seconds."""

    look_seconds: float = 0.25
    """Between two looks at the database. For so long, and as long as a look takes, a revoked invite may be in use."""
    write_seconds: float = 5.0
    """Between two writes of what has been used. So much of it is lost if the process is killed."""


@contextlib.asynccontextmanager
async def keeping(guests: Guests, store: InviteStore, settings: KeeperSettings | None = None) -> AsyncIterator[None]:
    """Read the database, keep both in step for the length of the block, and close the database at its end.

    Raises:
        InviteStoreError: at the start only.
    """
    keeper = _Keeper(guests, store, settings or KeeperSettings())
    try:
        await keeper.read()
        running = asyncio.create_task(keeper.run(), name="host-invites")
        try:
            yield
        finally:
            keeper.stop()
            await running  # not cancelled: it may be writing
    finally:
        await keeper.close()


class _Keeper:
    def __init__(self, guests: Guests, store: InviteStore, settings: KeeperSettings) -> None:
        self._guests = guests
        self._store = store
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="invites")
        self._stopping = asyncio.Event()
        self._unwritten: dict[tuple[bytes, str], UsageRow] = {}
        """What has been used, by invite and day: it does not grow however long the database cannot be written."""
        self._seen: tuple[int, int] | None = None
        self._trouble = ""
        self._said = ""

    async def read(self) -> None:
        """Read the database for the first time. Raises `InviteStoreError`."""
        await self._exchange()

    async def run(self) -> None:
        """Look and write until `stop`, and then once more."""
        loop = asyncio.get_running_loop()
        write_at = loop.time() + self._settings.write_seconds
        is_last = False
        while not is_last:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._settings.look_seconds)
            is_last = self._stopping.is_set()
            is_due = is_last or self._guests.is_new_day or loop.time() >= write_at
            if is_due:
                write_at = loop.time() + self._settings.write_seconds
            await self._step(is_due=is_due)

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    async def close(self) -> None:
        """Close the database."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._store.close)
        self._thread.shutdown(wait=False)

    async def _step(self, *, is_due: bool) -> None:
        try:
            self._guests.look()
            if self._guests.is_new_day:
                self._seen = None  # until it could be read: a month may have begun, whether anything is written or not
            if is_due:
                for row in self._guests.take_usage():
                    key = (row.invite, row.day)
                    self._unwritten[key] = _together(self._unwritten.get(key), row)
            await self._exchange()
            self._trouble = self._said = ""
        except InviteStoreError as error:
            self._say(error.cause)
        except Exception as error:  # whatever it is, invites can still be revoked afterwards
            check_memory(error)
            _log.exception("the invites could not be looked at")

    async def _exchange(self) -> None:
        """Write what has been used, if anything has, and learn what has changed."""
        rows, today = list(self._unwritten.values()), self._guests.today()
        loop = asyncio.get_running_loop()
        snapshot = await loop.run_in_executor(self._thread, self._exchange_in_thread, rows, today)
        self._unwritten = {}
        if snapshot is not None:
            self._guests.apply(snapshot)

    def _exchange_in_thread(self, rows: list[UsageRow], today: datetime.date) -> Snapshot | None:
        seen = self._store.change_mark()  # first: what changes from now on is noticed the next time
        if seen == self._seen:
            if rows:
                self._store.add_usage(rows, today=today)
            return None
        snapshot = self._store.exchange(rows, today=today)
        self._seen = seen
        return snapshot

    def _say(self, cause: str) -> None:
        """Say once what is wrong with the database: at the second time, since others lock it for a moment."""
        if cause == self._trouble != self._said:
            self._said = cause
            _log.warning("the database of invites %s; the host goes on with what it knows", cause)
        self._trouble = cause


def _together(one: UsageRow | None, other: UsageRow) -> UsageRow:
    """Two rows of one invite and day as one."""
    if one is None:
        return other
    return UsageRow(
        invite=other.invite,
        day=other.day,
        up=one.up + other.up,
        down=one.down + other.down,
        sessions=one.sessions + other.sessions,
    )
