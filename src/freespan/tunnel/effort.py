"""Effort: what the messages of a session cost, compared with what honest ones cost. Pure.

An honest byte costs about 7 ns of CPU (0.7 s for 100 MB), and may cost 20 times as much. But the bytes of many small
requests cost a thousand times as much, however honest they are, because each message, each request and each piece of a
stream costs something whatever its size is. All that is allowed for, at two times what it costs or more. What a session
costs beyond that becomes its debt, and what it costs less pays it back. The session is ended when its debt is more than
an honest session ever has.

    120 streams that each get ten bytes at a time    a third of what is allowed
    requests of a few bytes, letter by letter        the same
    the handshake                                    3 ms of debt

Two clocks measure it. The usual one also counts the time in which this thread had to wait, and costs little to read. A
session that seems to cost too much is looked at again, from the beginning, with the clock of this thread alone.

The figures are those of a fast machine. On a slower one everything costs more, by about the same factor, which is
measured once (`slowness`, by whoever has a clock).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

BYTE_SECONDS = 20 * 7e-9
"""What a byte may cost."""
MESSAGE_SECONDS = 0.0002
"""What a message may cost beside its bytes."""
PIECE_SECONDS = 0.00002
"""What a piece of a stream may cost. An honest packet has one of each stream at most."""
REQUEST_SECONDS = 0.002
"""What a request may cost beside its message."""
DEBT_MAX_SECONDS = 0.1
"""The debt at which a session ends."""
SUSPICIOUS_SECONDS = 0.01
"""The debt, by the usual clock, from which on the exact one is used."""
STEP_MAX_SECONDS = 0.02
"""No step counts for more: beyond that it was held up by something else, such as the garbage collector."""
_TIMES = 10
_ROUNDS = 100
_REFERENCE_SECONDS = 0.0001
"""How long the rounds take on a fast machine."""


class Effort:
    """The account of one session; times in seconds of CPU."""

    def __init__(self, slowness: float, usual_clock: Callable[[], float], exact_clock: Callable[[], float]) -> None:
        self.debt = 0.0
        """What it has cost beyond what it may, by the measure of a fast machine."""
        self.clock = usual_clock
        """What measures the next step."""
        self._clocks = usual_clock, exact_clock
        self._slowness = slowness

    def spend(self, seconds: float, size: int, messages: int, pieces: int) -> None:
        """A step has taken so long for so many bytes in so many messages, with so many pieces of streams in turn."""
        allowed = size * BYTE_SECONDS + messages * MESSAGE_SECONDS + pieces * PIECE_SECONDS
        debt = self.debt + (seconds if seconds < STEP_MAX_SECONDS else STEP_MAX_SECONDS) / self._slowness - allowed
        self.debt = debt if debt > 0.0 else 0.0
        usual, exact = self._clocks
        if self.clock is usual:
            if debt > SUSPICIOUS_SECONDS:
                self.clock, self.debt = exact, 0.0
        elif debt <= 0.0:
            self.clock = usual

    def on_request(self) -> None:
        """A request has come."""
        self.debt = max(0.0, self.debt - REQUEST_SECONDS)

    @property
    def is_too_much(self) -> bool:
        """Whether the session must end."""
        return self.debt > DEBT_MAX_SECONDS


def slowness(seconds: Callable[[], float]) -> float:
    """By what factor this machine is slower than a fast one, at least 1.

    Measured with work like that of a session, a little Python around a little cryptography: the best of some times.
    """
    return max(1.0, min(_rounds(seconds) for _ in range(_TIMES)) / _REFERENCE_SECONDS)


def _rounds(seconds: Callable[[], float]) -> float:
    began, digest = seconds(), b""
    for _ in range(_ROUNDS):
        digest = hashlib.sha256(digest + bytes(64)).digest()
    return seconds() - began
