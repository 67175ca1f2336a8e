"""What a host says of itself at a moment: how many, how much, and never who."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostStatus:
    """Figures of a host.

    Attributes:
        bridges: bridges connected to the broker.
        sessions: sessions open at the egress.
        streams: streams open at the egress.
        megabytes: what has passed between streams and sites, in both directions, in whole units of 10^6 bytes.
        is_behind_unnamed_proxy: whether requests come by a web server whose header the host was not told
            (`--proxy-header`), so that one stranger can keep all others out.
        access: `open` if everybody who has the host's address may read through it, `invited` if nobody may without
            an invite.
    """

    bridges: int = 0
    sessions: int = 0
    streams: int = 0
    megabytes: int = 0
    is_behind_unnamed_proxy: bool = False
    access: str = "open"
