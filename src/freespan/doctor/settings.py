"""How patient a doctor is. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DoctorSettings:
    """Times are in seconds.

    Attributes:
        name_seconds: for resolving a name.
        connect_seconds: for a connection, and for TLS on it.
        answer_seconds: for an answer to a request.
        quiet_seconds: for how long a WebSocket is left quiet, to see whether a server in front cuts it. A host itself
            ends a link that says nothing for 15 s.
        trickle_seconds: for the whole of an answer that comes in two parts.
        stun_seconds: how long a STUN server is asked.
        session_seconds: for a session by one transport.
        session_tries: how often a client may fail before its transport counts as one that does not work.
        port: of the local proxy.
    """

    name_seconds: float = 8.0
    connect_seconds: float = 6.0
    answer_seconds: float = 8.0
    quiet_seconds: float = 12.0
    trickle_seconds: float = 6.0
    stun_seconds: float = 3.0
    session_seconds: float = 25.0
    session_tries: int = 3
    port: int = 8118
