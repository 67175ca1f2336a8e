"""Settings of links: how long an end waits for candidates, and for the end of a WebSocket. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class GatheringSettings:
    """How long to wait while candidates are gathered (RFC 8445); times in seconds."""

    stun_seconds: float = 1.0
    """How long to wait for STUN servers: a slow one must not delay a link that may work without it."""
    turn_seconds: float = 2.0
    """How long to wait for TURN servers: TURN over TLS takes five round trips, and may be the only way to connect."""
    quiet_seconds: float = 0.05
    """How long to wait after the first candidate: the ports of a STUN server answer together, or the answer is lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSocketSettings:
    """How a link over a WebSocket closes; times in seconds."""

    flush_seconds: float = 0.5
    """How long queued messages may still leave after `close`: the last message of a session is its goodbye."""
    close_seconds: float = 5.0
    """How long the other end may take to answer the closing handshake; then the connection is cut."""
