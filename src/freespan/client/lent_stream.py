"""A stream that the client lends to a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from freespan.tunnel.stream import TunnelStream


@dataclass(frozen=True)
class LentStream:
    """Call `release` once, when the program is done with it; what has not ended is cut then."""

    stream: TunnelStream
    release: Callable[[], None]
