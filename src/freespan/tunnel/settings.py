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
    stream_window: int = 512 * 1024
    """The flow control window of a stream before its reader has taken anything."""
    stream_window_max: int = 4 * 1024 * 1024
    """The flow control window to which a stream with a fast reader grows."""
    session_window: int = 96 * 1024 * 1024
    """The flow control window of a session: `STREAMS_MAX` first windows of streams, and 32 MiB to widen them with."""
    stream_unsent_max: int = 256 * 1024
    """What a stream's writer may queue beyond what was sent; above it, `TunnelStream.write` waits."""
    stream_idle_seconds: float = 1_800.0
    """A stream and its TCP connection without a byte in either direction for this long are cut."""
    client_tickets_max: int = 4
    """Tickets that a client keeps; of more it forgets the oldest."""
    egress_tickets_max: int = 10_000
    """Tickets that an egress remembers, about 1 KB each; of more it forgets the oldest."""
