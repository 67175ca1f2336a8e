"""Reads the file of a block list."""

from __future__ import annotations

from pathlib import Path

from freespan.egress.block_list import BLOCK_LIST_MAX, BlockList, decode_block_list
from freespan.wire.errors import InputError


def read_block_list(path: Path) -> BlockList:
    """Read a list. Raises `InputError`, with the number of the line that cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(BLOCK_LIST_MAX + 1)
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        raise InputError("block-list", f"cannot be read: {reason}") from None
    return decode_block_list(content)
