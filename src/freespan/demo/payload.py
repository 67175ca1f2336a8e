"""The content of downloads: made as it is sent, the same each time, with a SHA-256 that is known beforehand. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

FILE_MAX = 1024 * 1024 * 1024
"""Longest file, in bytes."""
CHUNK = 64 * 1024
"""Length of all chunks but the last, in bytes."""

_NOISE = hashlib.shake_256(b"freespan demo").digest(CHUNK - 8)


def chunks(size: int) -> Iterator[bytes]:
    """Yield `size` bytes in chunks of at most CHUNK.

    Each chunk begins with its number, so that swapped chunks change the hash.
    """
    for number in range(-(-size // CHUNK)):
        chunk = number.to_bytes(8, "big") + _NOISE
        yield chunk[: size - number * CHUNK]


@lru_cache(maxsize=16)
def sha256_of(size: int) -> str:
    """Return the SHA-256, in hexadecimal, of the file of `size` bytes."""
    digest = hashlib.sha256()
    for chunk in chunks(size):
        digest.update(chunk)
    return digest.hexdigest()
