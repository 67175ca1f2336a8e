"""Which transport a client tries next. Pure.

webrtc ──▶ turn ──▶ websocket ──▶ webrtc …      each arrow: the transport has failed often enough to try the next one
       │
       └─ only if `may_expose`: enough speaks for bridges being blocked (evidence.py), or the reader has said yes

The further to the right, the more a reader shows: packets to a TURN server go to the host, and in a WebSocket no bridge
takes part at all, so address and targets are together in one connection. Hence the order. For the same reason failed
bridges are not enough: they could fail on purpose, to drive readers to where the censor wants them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from freespan.wire.causes import Cause
from freespan.wire.errors import LinkError

Transport = Literal["webrtc", "turn", "websocket"]
"""What can be dialed: a bridge directly, a bridge through the host's TURN server, or the host itself."""
TransportChoice = Literal["auto", "webrtc", "turn", "websocket"]
"""One transport alone, or (`auto`) each in its turn."""
TransportInUse = Literal["webrtc", "turn", "websocket", "front"]
"""What a link has taken. `websocket` may have led through a front; `webrtc` becomes `turn` through a bridge's TURN
server."""

_ORDER: tuple[Transport, ...] = ("webrtc", "turn", "websocket")


class TransportError(LinkError):
    """A transport did not lead to the egress.

    `is_unusable` is true when another bridge would not help: UDP is blocked, say, or the host has no TURN server.
    `after` is the wait in seconds that the broker asks for, None if it does not.
    """

    def __init__(
        self, reason: str, *, is_unusable: bool = False, after: float | None = None, cause: Cause | None = None
    ) -> None:
        super().__init__(reason)
        self.cause = cause
        self.is_unusable = is_unusable
        self.after = after


class TransportSelector:
    """Starts with the first transport and stays with the one that works.

    `webrtc` is left after `bridge_tries` failures in a row, and never while `may_expose(now)` is false. After
    `reset_seconds` the first one is tried again. `now` is in seconds of any monotonic clock.
    """

    def __init__(
        self,
        choice: TransportChoice,
        *,
        bridge_tries: int,
        reset_seconds: float,
        may_expose: Callable[[float], bool],
    ) -> None:
        self._transports: tuple[Transport, ...] = _ORDER if choice == "auto" else (choice,)
        self._tries: dict[Transport, int] = {"webrtc": bridge_tries, "turn": 1, "websocket": 1}
        self._reset_seconds = reset_seconds
        self._may_expose = may_expose
        self._at = 0
        self._failures = 0
        self._moved_at = 0.0

    def choose(self, now: float) -> Transport:
        """The transport to try."""
        if self._at and now - self._moved_at >= self._reset_seconds:
            self._at, self._failures = 0, 0
        return self._transports[self._at]

    def succeeded(self) -> None:
        """The transport has led to the egress."""
        self._failures = 0

    def failed(self, now: float, *, is_unusable: bool = False) -> None:
        """The transport has not led anywhere; see `TransportError` for `is_unusable`.

        It is a failure as well when the broker has no bridge but those that could not be reached: see `Dialer.dial`.
        """
        self._failures += 1
        if is_unusable or self._failures >= self._tries[self._transports[self._at]]:
            self._move_on(now)

    def leave(self, transport: Transport, now: float) -> None:
        """This transport has led nowhere for a long time: move on, unless it has been left already."""
        if self.choose(now) == transport:
            self._move_on(now)

    def is_kept(self, now: float) -> bool:
        """Whether the reader keeps to bridges although another transport might work: only their yes changes that."""
        return len(self._transports) > 1 and self.choose(now) == "webrtc" and not self._may_expose(now)

    def _move_on(self, now: float) -> None:
        if self.is_kept(now):
            return
        self._at = (self._at + 1) % len(self._transports)
        self._failures = 0
        self._moved_at = now
