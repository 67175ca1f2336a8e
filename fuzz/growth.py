"""Long inputs out of short ones: what costs more than linear work shows in what is repeated."""

from __future__ import annotations

import random


def grown(data: bytes, size_max: int, dice: random.Random) -> bytes:
    """`data` with one part of it repeated, until it is about as long as it may be, or a fraction of that."""
    if not data:
        return data
    size_max //= dice.choice((1, 4, 16))
    start = dice.randrange(len(data))
    part = data[start : start + dice.choice((1, 2, 3, 4, 8, 16, 64, len(data)))]
    times = (size_max - len(data)) // len(part)
    return data[:start] + part * times + data[start:] if times > 0 else data
