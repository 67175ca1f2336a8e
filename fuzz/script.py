"""Reads an input as a script: numbers and pieces of bytes, one after the other, and zeros where it has ended."""

from __future__ import annotations


class Script:
    """Takes apart one input."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._data)

    def byte(self) -> int:
        """A number from 0 to 255."""
        return self.take(1)[0] if not self.is_over else 0

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def take(self, size: int) -> bytes:
        """The next bytes, as many as there are."""
        part = self._data[self._at : self._at + size]
        self._at += size
        return part

    def piece(self) -> bytes:
        """Bytes whose length precedes them: in one byte, or from 248 on in two."""
        size = self.byte()
        return self.take(size if size < 248 else (size - 248) << 8 | self.byte())

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data))


def piece(data: bytes) -> bytes:
    """What `Script.piece` reads as `data`, which has fewer than 2,048 bytes."""
    size = len(data)
    head = bytes((size,)) if size < 248 else bytes((248 + (size >> 8), size & 255))
    return head + data


def split(data: bytes, cuts: bytes) -> list[bytes]:
    """`data` in pieces: each byte of `cuts` is the length of a piece, the last one is what is left."""
    pieces, at = [], 0
    for size in cuts:
        pieces.append(data[at : at + size])
        at += size
    return [piece for piece in (*pieces, data[at:]) if piece]
