"""The file of a block list: read at the start, and again when it changes or somebody asks for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from freespan.egress.block_list import BLOCK_LIST_MAX, BlockList, decode_block_list
from freespan.wire.errors import InputError

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
"""Between two looks at the file."""

_State = tuple[int, ...] | None
"""What tells whether a file has changed: its number, its size and its dates; None for a file that is not there."""


def read_block_list(path: Path) -> BlockList:
    """Read a list. Raises `InputError`, with the number of the line that cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(BLOCK_LIST_MAX + 1)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError("block-list", f"cannot be read: {reason}") from None
    return decode_block_list(content)


class BlockListFile:
    """The file at `path`, which is read once by whoever makes this, and from then on by `watch`."""

    def __init__(self, path: Path, look_seconds: float = _LOOK_SECONDS) -> None:
        self._path = path
        self._look_seconds = look_seconds
        self._is_asked = asyncio.Event()
        self._read = _state_of(path)

    def reload(self) -> None:
        """Read the file now, whether it has changed or not."""
        self._is_asked.set()

    async def watch(self, on_change: Callable[[BlockList], None]) -> None:
        """Call `on_change` with each new list, until cancelled.

        What is still being written is not read: two looks must have found the same. A list that cannot be used is said
        in one line, and the one of before stays.
        """
        seen = self._read
        while True:
            is_asked = await self._asked()
            before, seen = seen, await asyncio.to_thread(_state_of, self._path)
            if is_asked or (seen == before and seen != self._read):
                self._read = seen
                await self._take(on_change)

    async def _asked(self) -> bool:
        try:
            async with asyncio.timeout(self._look_seconds):
                await self._is_asked.wait()
        except TimeoutError:
            return False
        self._is_asked.clear()
        return True

    async def _take(self, on_change: Callable[[BlockList], None]) -> None:
        try:
            found = await asyncio.to_thread(read_block_list, self._path)
        except InputError as error:
            _log.warning("the block list of before stays: %s", error.reason)
            return
        on_change(found)
        _log.info("the block list has been read again: %d entries", len(found))


def _state_of(path: Path) -> _State:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
