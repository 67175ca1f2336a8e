"""The invites of a host that runs: makes the first one, and notes what `freespan invite` has to know."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator
from pathlib import Path

from freespan.access.guests import Guests
from freespan.access.invites import FIRST, InviteStore
from freespan.access.keeper import keeping
from freespan.api.invite_writer import HostAddress
from freespan.api.settings import INVITED, OPEN, HostSettings

_PATIENCE_SECONDS = 0.5
"""How long a host that runs waits for a database that somebody else is writing to; it tries again soon."""
_ACCESS = "access"

_MEANING = {
    OPEN: (
        "This host is open: everybody who has its address may read through it, and readers with an invite go first"
        " when it is crowded. With --access invited nobody else gets in."
    ),
    INVITED: "This host takes invited readers only: freespan invite create NAME makes an invite.",
}
_BECAME_INVITED = (
    "This host was open until now. From now on it takes invited readers only, so this stops working:",
    "  - readers who come without an invite, with only the address of this host",
    "  - pages that read by themselves and have no invite of their own",
    "  - invites that were made with another data folder",
    "Bridges, switches and the invites that freespan invite list shows go on as before.",
)
_BECAME_OPEN = ("This host took invited readers only until now. From now on it is open.",)


@contextlib.asynccontextmanager
async def keeping_invites(settings: HostSettings, guests: Guests) -> AsyncIterator[tuple[str, ...]]:
    """Keep the guests in step with the database of the data folder, which is made if there is none.

    Yields what people should read of a change of `access` since the last start, one line each.

    Raises:
        InputError: field `data`; the database cannot be used.
    """
    store, notices = await asyncio.to_thread(_open, settings)
    async with keeping(guests, store):
        yield notices


def access_noted_in(store: InviteStore) -> str:
    """Who may use the host, as it was when it was started last."""
    return store.fact(_ACCESS) or OPEN


def meaning_of(access: str) -> str:
    """What the setting `access` means, as a sentence for whoever runs the host."""
    return _MEANING[access]


def note_address(folder: Path, address: HostAddress) -> None:
    """Keep for `freespan invite` where the host can be reached. Raises `InputError`, field `data`."""
    with contextlib.closing(InviteStore(folder)) as store:
        address.note_in(store)


def today() -> datetime.date:
    """The day by which invites are made and revoked (UTC)."""
    return datetime.datetime.now(datetime.UTC).date()


def _open(settings: HostSettings) -> tuple[InviteStore, tuple[str, ...]]:
    store = InviteStore(settings.data_directory, create=True, patience=_PATIENCE_SECONDS)
    try:
        if not store.records():
            store.create(FIRST, today=today())
        before = store.fact(_ACCESS)
        store.note(_ACCESS, settings.access)
    except BaseException:
        store.close()
        raise
    changes = {(OPEN, INVITED): _BECAME_INVITED, (INVITED, OPEN): _BECAME_OPEN}
    return store, changes.get((before or settings.access, settings.access), ())
