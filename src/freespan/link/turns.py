"""Turns: the sessions of a process share its CPU, and whoever has had the least comes first.

Work that another end causes is done in steps of about a millisecond. A step is a batch of datagrams of one session, or
a batch of messages that a link's reader takes from its socket. After a few milliseconds the event loop goes on with
other things, and the rest follows in its next turn:

    driver ── work(step) ──▶ ┌───────┐                       ┌───────┐ ── step, within TURN_SECONDS ──▶
    reader ── turn() ──────▶ │ Share │ ── has had so much ──▶ │ Turns │
                             └───────┘ ◀── charge(seconds) ── └───────┘

As in fair queueing, each share has a clock that advances by what its steps cost, and the share whose clock is furthest
behind comes first. So a session that costs much waits while others have work, and goes on at full speed when nobody
else has. A share that has rested is behind by at most `CREDIT_SECONDS`, and only if it is trusted: whoever opens new
sessions gains nothing by that.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from time import perf_counter

Step = Callable[[], bool]
"""Works for about `STEP_SECONDS`, charges that to its share, and returns whether there is more."""

STEP_SECONDS = 0.002
"""About how long a step may take; it goes on until the datagram or message at which this is over."""
TURN_SECONDS = 0.002
"""After this long no further step is begun in this turn of the event loop."""
CREDIT_SECONDS = 0.05
"""How far behind the others a trusted share may be after a rest: a page or two for a reader."""
CHARGE_MAX_SECONDS = 0.02
"""No step is charged more: beyond that it was held up by something else, such as the garbage collector."""


class Turns:
    """Shared by all sessions of an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = 0.0
        """What the share has had that came last: those that begin now begin here."""
        self._queue: list[tuple[float, int, Share]] = []
        self._order = count()
        self._handle: asyncio.TimerHandle | None = None

    def share(self) -> Share:
        """A share for a new session, or for a link that belongs to none yet."""
        return Share(self)

    def __len__(self) -> int:
        """How many shares have work that waits."""
        return len(self._queue)

    def _add(self, share: Share) -> None:
        heapq.heappush(self._queue, (share.had, next(self._order), share))

    def _go_on_soon(self) -> None:
        if self._queue and self._handle is None:
            # a timer and not call_soon: the WebRTC engine holds its next message back while any other callback is ready
            self._handle = self._loop.call_later(0, self._run)

    def _run(self) -> None:
        self._handle = None
        try:
            self._do_steps()
        finally:
            self._go_on_soon()

    def _do_steps(self) -> None:
        end = perf_counter() + TURN_SECONDS
        while self._queue:
            had, _, share = heapq.heappop(self._queue)
            self._clock = max(self._clock, had)
            try:
                end -= share._step()
            finally:
                if share._steps:
                    self._add(share)
            if perf_counter() >= end:
                break


class Share:
    """What one session, or one link without a session, has of the turns."""

    def __init__(self, turns: Turns) -> None:
        self.had = turns._clock
        """What it has had, in seconds of CPU, on the clock of its `Turns`."""
        self.is_trusted = False
        """Whether it may have credit after a rest: its handshake is complete."""
        self._turns = turns
        self._steps: deque[Step | asyncio.Future[None]] = deque()

    def work(self, step: Step) -> None:
        """Call `step` when it is this share's turn, and again as long as it returns true."""
        self._append(step)

    async def turn(self) -> None:
        """Wait for a turn of about `STEP_SECONDS`, which is charged at once."""
        turn: asyncio.Future[None] = self._turns._loop.create_future()
        self._append(turn)
        await turn

    def charge(self, seconds: float) -> None:
        """Count what a step has cost."""
        self.had += min(seconds, CHARGE_MAX_SECONDS)

    def _append(self, step: Step | asyncio.Future[None]) -> None:
        self._steps.append(step)
        if len(self._steps) == 1:
            credit = CREDIT_SECONDS if self.is_trusted else 0.0
            self.had = max(self.had, self._turns._clock - credit)
            self._turns._add(self)
            self._turns._go_on_soon()

    def _step(self) -> float:
        """Do one step; returns for how long somebody else will work because of it."""
        step = self._steps[0]
        if isinstance(step, asyncio.Future):
            self._steps.popleft()
            if step.done():
                return 0.0  # whoever waited for it was cancelled
            step.set_result(None)
            self.charge(STEP_SECONDS)
            return STEP_SECONDS
        has_more = False
        try:
            has_more = step()
        finally:
            self._steps.popleft()
            if has_more:
                self._steps.append(step)
        return 0.0
