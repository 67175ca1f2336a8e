"""The values that a headless bridge can be given. Pure data: the bridge hands them to its sessions and pipes."""

from __future__ import annotations

from dataclasses import dataclass

from freespan.wire.limits import CHANNEL_OPEN_SECONDS, HELLO_SECONDS, LANES_OPENING_MAX, SILENCE_SECONDS


@dataclass(frozen=True, kw_only=True)
class BridgeSettings:
    """How long a bridge waits, and what it allows.

    Attributes:
        connect_seconds: how long a connection to the broker may take.
        welcome_seconds: how long the broker may take to send its welcome.
        silence_seconds: after this long without a message of the broker, the bridge connects again.
        first_retry_seconds: the wait after the first failure; it doubles with each further one.
        longest_retry_seconds: the longest wait.
        send_seconds: how long a message to the broker may take; then it is dropped.
        close_seconds: how long closing the broker's WebSocket may take.
        stop_seconds: how long a bridge that stops waits for its sessions to end.
        survey_seconds: how often the bridge surveys its own network.
        channel_open_seconds: how long a data channel may take to open after the answer.
        lanes_opening_max: lanes of one session that may be opening at a time; one more is refused.
        allow_private: whether the broker may lead to private addresses; None allows it if the broker's own is one.
    """

    connect_seconds: float = HELLO_SECONDS
    welcome_seconds: float = HELLO_SECONDS
    silence_seconds: float = SILENCE_SECONDS
    first_retry_seconds: float = 0.5
    longest_retry_seconds: float = 30.0
    send_seconds: float = 10.0
    close_seconds: float = 1.0
    stop_seconds: float = 3.0
    survey_seconds: float = 600.0
    channel_open_seconds: float = CHANNEL_OPEN_SECONDS
    lanes_opening_max: int = LANES_OPENING_MAX
    allow_private: bool | None = None
