"""What an egress can be given: how many sessions it takes, and how long it waits. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from freespan.link.bond.settings import BondSettings
from freespan.sources.rate import Rate
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import DIAL_SECONDS, RESOLVE_SECONDS


@dataclass(frozen=True, kw_only=True)
class EgressSettings:
    """Sizes are in bytes, times in seconds."""

    sessions_max: int = 2_000
    """Sessions at a time; another one ends the newest of the source that has the most."""
    sessions_each: int = 16
    """Sessions that an address may have without being greedy: one place in eight is kept for such sources."""
    links_max: int = 8_000
    """Links at a time; another one ends the newest of the session, or of the source, that has the most."""
    links_each: int = 32
    """Links that a session, or an address without a session, may have without being greedy."""
    turned_away_max: int = 128
    """Links for which there is no room, and which are told so; another one is answered with 503."""
    turned_away_each: int = 4
    """Those that an address may have without being greedy."""
    turned_away_seconds: float = 5.0
    """How long such a link may take to say who it is: an invited one may find room where others have to leave."""
    not_opened: Rate = field(default=Rate(per_second=32.0, burst=512))
    """First messages of one address or bridge that do not open, and are answered; 0.1 ms of CPU each."""
    not_opened_of_network: Rate = field(default=Rate(per_second=128.0, burst=2_048))
    """The same for all addresses of a network."""
    opened_max: int = 32_768
    """First messages that have been opened, and are remembered: a copy of one of these counts as not opened."""
    silent_seconds: float = 10.5
    """A session of which nothing was heard for so long gives way to another one of its invite, if that has no more. A
    client's probes come every five seconds."""
    without_handshake_max: int = 1_024
    """Links and sessions whose handshake is not complete; another one ends the newest of the source with the most."""
    without_handshake_each: int = 8
    """Those that an address may have without being greedy."""
    handshakes: Rate = field(default=Rate(per_second=8.0, burst=512))
    """Handshakes of one address or bridge, each of which takes about 3 ms of CPU."""
    handshakes_of_network: Rate = field(default=Rate(per_second=32.0, burst=1_024))
    """Handshakes of all addresses of a network."""
    handshakes_in_all: Rate = field(default=Rate(per_second=100.0, burst=2_000))
    """Handshakes of everybody."""
    handshakes_of_invite: Rate = field(default=Rate(per_second=8.0, burst=256))
    """Handshakes of one invite that may take what is kept for newcomers, wherever its readers come from."""
    handshake_patience_seconds: float = 5.0
    """How long a link waits for its handshake when its source has had too many; one that would wait longer is ended."""
    waiting_sessions_max: int = 500
    """Sessions without a link; another one ends the newest of the source that has the most."""
    session_held_max: int = 192 * 1024 * 1024
    """What a session may keep altogether; above it, it ends. Those that keep to the protocol stay below."""
    waiting_bytes_max: int = 256 * 1024 * 1024
    """What the sessions without a link keep for their ends together; above it those of the greediest source end."""
    resolve_seconds: float = RESOLVE_SECONDS
    """How long a name may take to resolve; at most `RESOLVE_SECONDS`, on which a client's patience rests."""
    lookups_max: int = 256
    """Names that are resolved at a time, each by a thread; another one is refused."""
    lookups_per_session_max: int = 8
    """Names that are resolved at a time for one session; another one waits."""
    lookups_per_source_max: int = 32
    """Names that are resolved at a time for all sessions of one source; another one waits."""
    dials_max: int = 512
    """TCP connections that are being opened at a time; another one ends the newest of the session with the most."""
    sockets_max: int = 8_192
    """TCP connections to targets at a time; another one ends the newest of the session, or of the source, with the
    most."""
    streams_each: int = 16
    """Connections that a session may have without being greedy."""
    connections: Rate = field(default=Rate(per_second=50.0, burst=1_000))
    """New connections to targets of a session."""
    connections_to_one: Rate = field(default=Rate(per_second=10.0, burst=500))
    """Those to one destination: an IPv4 address, or an IPv6 /64."""
    connection_patience_seconds: float = 5.0
    """How long a new connection waits where a session opens too many; one that would wait longer is refused."""
    bytes_a_day: int = 200 * 10**9
    """What a session may carry in a day, in both directions together. So much may come at once, and as much a day."""
    place_times: int = 16
    """How many times as much of these three all sessions of one network, or of one proved bridge, have together."""
    invite_times: int = 32
    """How many times as much those of one invite have together."""
    dial_seconds: float = DIAL_SECONDS
    """How long a TCP connection may take to open; at most `DIAL_SECONDS`, on which a client's patience rests."""
    tunnel: TunnelSettings = field(default_factory=TunnelSettings)
    """The settings of each session's tunnel."""
    bond: BondSettings = field(default_factory=BondSettings)
    """The settings of each session's bond."""
