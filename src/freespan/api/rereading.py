"""What a running host reads again: at SIGHUP its settings and their files, and by itself a file that has changed.

Everything goes one way: what is read again is checked as at the start, and then replaces what was there. What cannot be
used is said in one line, and what was there stays. No session and no connection ends for it, but those to which a new
policy says no.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from freespan.api.options import options_of
from freespan.api.settings import HostSettings
from freespan.wire.errors import FreespanError, InputError

_log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
"""Between two looks at the files."""
READ_AGAIN = frozenset({"tls_cert", "tls_key", "block_list", "allow_host", "egress", "egress_port"})
"""The settings that a running host takes; the others need a restart."""

_State = tuple[int, ...] | None
"""What tells whether a file has changed: its number, its size and its dates; None for a file that is not there."""


@dataclass(frozen=True)
class Part:
    """Something that is read again.

    Attributes:
        name: what it is called in the log.
        files: where it stands, by the settings of now.
        read: reads it by these settings, in a thread; returns what is to be done with it in the event loop, which
            returns what to say of it. Raises `InputError` if it cannot be used.
    """

    name: str
    files: Callable[[HostSettings], Sequence[Path]]
    read: Callable[[HostSettings], Callable[[], str]]


class Rereading:
    """`read_settings` reads the settings again, from where they came; without it they stay as they are."""

    def __init__(
        self,
        settings: HostSettings,
        parts: Sequence[Part],
        read_settings: Callable[[], HostSettings] | None = None,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings = settings
        self._begun_with = settings
        self._parts = parts
        self._read_settings = read_settings
        self._look_seconds = look_seconds
        self._is_asked = asyncio.Event()
        self._read = {part.name: _states(part.files(settings)) for part in parts}

    def ask(self) -> None:
        """Read everything now, whether it has changed or not."""
        self._is_asked.set()

    async def run(self) -> None:
        """Look at the files until cancelled.

        What is still being written is not read: two looks must have found the same.
        """
        seen = dict(self._read)
        while True:
            is_asked = await self._asked()
            if is_asked:
                await self._take_settings()
            for part in self._parts:
                before = seen[part.name]
                now = seen[part.name] = await asyncio.to_thread(_states, part.files(self._settings))
                if is_asked or (now == before and now != self._read[part.name]):
                    self._read[part.name] = now
                    await self._take(part)

    async def _asked(self) -> bool:
        try:
            async with asyncio.timeout(self._look_seconds):
                await self._is_asked.wait()
        except TimeoutError:
            return False
        self._is_asked.clear()
        return True

    async def _take_settings(self) -> None:
        if self._read_settings is None:
            return
        try:
            found = await asyncio.to_thread(self._read_settings)
        except FreespanError as error:
            _log.warning("the settings of before stay: %s", error)
            return
        taken = {name: getattr(found, name) for name in READ_AGAIN}
        self._settings = dataclasses.replace(self._begun_with, **taken)
        if ignored := _changed(self._begun_with, found) - READ_AGAIN:
            options = options_of(HostSettings)
            names = ", ".join(sorted(options[name].name for name in ignored))
            _log.warning("these settings have changed, and need a restart: %s", names)

    async def _take(self, part: Part) -> None:
        try:
            take = await asyncio.to_thread(part.read, self._settings)
        except InputError as error:
            _log.warning("%s of before stays: %s", part.name, error.reason)
            return
        _log.info("%s", take())


def _changed(before: HostSettings, after: HostSettings) -> set[str]:
    names = [field.name for field in dataclasses.fields(before)]
    return {name for name in names if getattr(before, name) != getattr(after, name)}


def _states(files: Sequence[Path]) -> tuple[_State, ...]:
    return tuple(map(_state_of, files))


def _state_of(path: Path) -> _State:
    """The state of the file itself, where there is a symbolic link to it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
