"""What an egress can be given: how many sessions it takes, and how long it waits. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from freespan.link.bond.settings import BondSettings
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import DIAL_SECONDS, RESOLVE_SECONDS


@dataclass(frozen=True, kw_only=True)
class EgressSettings:
    """Sizes are in bytes, times in seconds."""

    sessions_max: int = 2_000
    """Sessions at a time; a link that would begin another one is closed."""
    links_max: int = 8_000
    """Links at a time; another one is refused with status 503."""
    without_handshake_max: int = 200
    """Links and sessions whose handshake is not complete; another one ends the oldest."""
    waiting_sessions_max: int = 500
    """Sessions without a link; another one ends the session that has waited longest."""
    waiting_bytes_max: int = 256 * 1024 * 1024
    """What the sessions without a link keep for their ends together; above it those end that have waited longest."""
    resolve_seconds: float = RESOLVE_SECONDS
    """How long a name may take to resolve; at most `RESOLVE_SECONDS`, on which a client's patience rests."""
    lookups_max: int = 256
    """Names that are resolved at a time, each by a thread; another one is refused."""
    lookups_per_session_max: int = 8
    """Names that are resolved at a time for one session; another one waits."""
    dial_seconds: float = DIAL_SECONDS
    """How long a TCP connection may take to open; at most `DIAL_SECONDS`, on which a client's patience rests."""
    tunnel: TunnelSettings = field(default_factory=TunnelSettings)
    """The settings of each session's tunnel."""
    bond: BondSettings = field(default_factory=BondSettings)
    """The settings of each session's bond."""
