"""What a tunnel can be given: how much it buffers, and how long it waits. Pure.

The two ends of a session may have different settings.
"""

from __future__ import annotations

from dataclasses import dataclass

from freespan.wire.limits import HANDSHAKE_SECONDS


@dataclass(frozen=True, kw_only=True)
class TunnelSettings:
    """Sizes are in bytes, times in seconds."""

    handshake_seconds: float = HANDSHAKE_SECONDS
    """How long an end waits for the handshake; at most `HANDSHAKE_SECONDS`, on which the rules for tickets rest."""
    idle_seconds: float = 360.0
    """QUIC's idle timeout (RFC 9000 section 10.1). The bond below waits for a link before (`BondSettings`)."""
    keepalive_seconds: float = 100.0
    """How often a client sends a PING, so that the other end does not take an idle session for a dead one."""
    stream_window: int = 128 * 1024
    """The flow control window that each stream of a session has at least, if all of them stand still."""
    stream_window_first: int = 512 * 1024
    """The flow control window with which a stream begins while the session has much to spare: with less, the first
    object from far away would wait for further round trips."""
    stream_window_max: int = 4 * 1024 * 1024
    """The flow control window to which a stream with a fast reader grows."""
    session_window: int = 96 * 1024 * 1024
    """The flow control window of a session: 64 MiB for `STREAMS_MAX` streams that stand still, and 32 MiB to widen
    windows with."""
    stream_unsent_max: int = 256 * 1024
    """What a stream's writer may queue beyond what was sent; above it, `TunnelStream.write` waits."""
    session_unsent_max: int = 32 * 1024 * 1024
    """The same for all streams of a session together: with many of them, each may queue less."""
    place_seconds: float = 5.0
    """How long a client waits for one of the `STREAMS_MAX` places before it says that all are taken."""
    stream_idle_seconds: float = 1_800.0
    """A stream and its TCP connection without a byte in either direction for this long are cut."""
    client_tickets_max: int = 4
    """Tickets that a client keeps; of more it forgets the oldest."""
    egress_tickets_max: int = 10_000
    """Tickets that an egress remembers, about 1 KB each; of more it forgets the oldest."""
