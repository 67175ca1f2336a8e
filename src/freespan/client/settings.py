"""Client settings: timeouts and limits. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from freespan.link.bond.settings import BondSettings
from freespan.link.settings import GatheringSettings
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import DIAL_SECONDS, LANES_MAX, RENDEZVOUS_SECONDS, RESOLVE_SECONDS


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Times are in seconds. The defaults are what `freespan connect` uses."""

    # --- asking the host ---------------------------------------------------------------------
    # An endpoint that cannot be connected to in time makes way for the next one.
    host_connect_seconds: float = 4.0
    """Time for a connection to an endpoint, from the name to the end of TLS, while there is another one to ask."""
    host_last_connect_seconds: float = 12.0
    """Time for a connection to the last endpoint, from the name to the end of TLS."""
    host_answer_seconds: float = RENDEZVOUS_SECONDS + 4.0
    """Time for an answer once a request is sent: the broker's own limit, and the way there and back."""
    host_seconds: float = 30.0
    """Time for one question at all endpoints together."""
    retry_after_max_seconds: float = 60.0
    """Bound on what `Retry-After` may ask for, because a front does not always act for the host."""
    reorder_seconds: float = 600.0
    """After this time a client starts again with its first transport, and asks the endpoints in the invite's order:
    the network may have changed."""

    # --- opening a link ----------------------------------------------------------------------
    # From a bridge's answer to an open data channel; then the client tries another bridge.
    bridge_open_seconds: float = 6.0
    """Time for a data channel to a bridge to open directly. For a lane, it includes the bridge's answer."""
    turn_open_seconds: float = 10.0
    """Time for a data channel to open through a TURN server, which takes more round trips."""
    bridge_tries: int = 2
    """Bridges that must fail in a row before the client leaves the transport `webrtc`."""
    bridge_networks_min: int = 2
    """Networks (IPv4 /16, IPv6 /32) in which bridges must have failed before the client leaves the transport `webrtc`.
    A private network whose bridges all have addresses of one /16 needs 1."""
    silent_stun_servers_min: int = 2
    """STUN servers that must have been silent together before the client leaves `webrtc` for that alone."""
    allow_direct: bool = False
    """The reader's own yes: the client leaves `webrtc` when it does not work, whatever the reason may be. Its packets
    then go straight to the host."""
    all_interfaces: bool = False
    """Let WebRTC use each network interface of this machine, and not only the system's own routes. Behind a VPN that
    shows the reader's own address to bridges. It is so anyway with a host in a private network."""
    gathering: GatheringSettings = field(default_factory=GatheringSettings)
    """How long to wait while candidates are gathered."""
    cooldown_seconds: float = 300.0
    """How long the client does not ask for a bridge that has just failed."""

    # --- keeping a session -------------------------------------------------------------------
    # Each failure in a row doubles the wait before the next attempt, up to the longest one of its kind.
    first_retry_seconds: float = 0.5
    """Wait after the first failure in a row."""
    longest_retry_seconds: float = 30.0
    """Longest wait between two attempts to open a session."""
    longest_link_retry_seconds: float = 5.0
    """Longest wait between two attempts to dial a link for a session that has none."""
    longest_extra_link_retry_seconds: float = 120.0
    """Longest wait between two attempts to dial an extra link, which a session can do without."""
    steady_seconds: float = 30.0
    """A session or link that lasted this long was a good one: its end counts as no failure."""
    crowded_seconds: float = 12.0
    """For how long the client goes on asking when all sessions of its invite are in use. If one of them is its own, of
    before it was killed, the host notices in `EgressSettings.silent_seconds`."""
    session_wait_seconds: float = 20.0
    """How long a new request waits for a session. A session whose transport is unusable keeps dialing for this long."""
    stream_open_seconds: float = RESOLVE_SECONDS + DIAL_SECONDS + 5.0
    """From a request to the egress' answer: its own limits for DNS and TCP, and the way there and back. The time in
    which the session has no link does not count; that is bounded by `BondSettings.wait_seconds`."""
    sleep_tick_seconds: float = 5.0
    """How often the client looks whether the machine was asleep."""
    sleep_least_seconds: float = 15.0
    """What is shorter than this was no sleep."""
    sleep_told_seconds: float = 60.0
    """For how long after a sleep it is the reason for what breaks."""
    bond: BondSettings = field(default_factory=BondSettings)
    """The settings of each session's bond."""
    tunnel: TunnelSettings = field(default_factory=TunnelSettings)
    """The settings of each session's tunnel."""
    wrong_keys_max: int = 3
    """The client reports `failed` (and goes on trying) with this many wrong keys since its last session."""

    # --- how many links ----------------------------------------------------------------------
    links_usual: int = 3
    """Bridges of one session, where there are that many."""
    links_most: int = 8
    """Bridges of one session while each further one makes it faster."""
    lane_steps: tuple[int, ...] = (1, 4, 1 + LANES_MAX)
    """The numbers of links to one bridge, its lanes included, that are tried one after the other."""
    report_seconds: float = 1.0
    """How often the client looks at what its links carry."""
    lane_retry_seconds: float = 10.0
    """After a lane that did not open or has closed, the wait before the client asks that bridge for the next one."""

    # --- the local proxy ---------------------------------------------------------------------
    proxy_connections_max: int = 1_024
    """Connections to the local proxy at a time; the next one is told so."""
    proxy_request_seconds: float = 20.0
    """Time for a program to send its request; also for the last bytes that it is sent."""
    proxy_look_seconds: float = 1.0
    """How often the local proxy looks whether a program is still there whose request waits."""
    proxy_rest_seconds: float = 120.0
    """How long a program may keep its connection to the HTTP proxy between two requests."""
    proxy_half_closed_seconds: float = 10.0
    """A program that has ended its direction may wait for a response, or may have gone. After this time the site is
    told of the end."""
    proxy_given_up_seconds: float = 300.0
    """A program that has ended its direction is given up when nothing has moved for so long. Most have gone, which TCP
    tells nobody who sends them nothing, and a page could fill a session with such connections."""
    kept_streams_max: int = 48
    """Streams to sites that are kept for further requests of the same programs, in all."""
    kept_streams_of_one_max: int = 4
    """The same for one connection of a program."""
    kept_streams_seconds: float = 12.0
    """How long a stream is kept without a request. Most sites keep a connection for longer."""
