"""Which transport to the egress to try next. Pure.

webrtc ──▶ relay ──▶ websocket ──▶ webrtc …      each arrow: it has failed so often that the next one is worth more

The further to the right, the more a reader shows: a relay is at the host's address, and in a WebSocket no bridge takes
part at all, so the host sees the reader's address. Hence the order, and hence one bridge that fails moves nobody on
while another one is free: it could fail on purpose, to drive readers to where the censor wants them. While no other is
free it does, since to wait for ever would help nobody.
"""

from __future__ import annotations

from typing import Literal

from freespan.wire.limits import BEGIN_ANEW_SECONDS, BRIDGE_TRIES

Transport = Literal["webrtc", "turn", "websocket"]
"""To a bridge straight (`webrtc`) or by way of the host's TURN server (`relay`); to the host itself (`websocket`)."""
TransportChoice = Literal["auto", "webrtc", "turn", "websocket"]
"""One transport alone, or each in its turn."""

_ORDER: tuple[Transport, ...] = ("webrtc", "turn", "websocket")
_TRIES: dict[Transport, int] = {"webrtc": BRIDGE_TRIES, "turn": 1, "websocket": 1}


class TransportSelector:
    """Begins with the first transport; stays with the one that works."""

    def __init__(self, choice: TransportChoice = "auto") -> None:
        self._transports: tuple[Transport, ...] = _ORDER if choice == "auto" else (choice,)
        self._at = 0
        self._failures = 0
        self._moved_at = 0.0

    def choose(self, now: float) -> Transport:
        """The transport to try; `now` in seconds of any steady clock."""
        if self._at and now - self._moved_at >= BEGIN_ANEW_SECONDS:
            self._at, self._failures = 0, 0
        return self._transports[self._at]

    def worked(self) -> None:
        """The transport has led to the egress."""
        self._failures = 0

    def failed(self, now: float, *, closed: bool = False) -> None:
        """The transport has not led anywhere; `closed` when another bridge would not change that.

        That no other bridge is left beside one that failed counts as well (`Dialer`).
        """
        self._failures += 1
        if closed or self._failures >= _TRIES[self._transports[self._at]]:
            self._at = (self._at + 1) % len(self._transports)
            self._failures = 0
            self._moved_at = now
