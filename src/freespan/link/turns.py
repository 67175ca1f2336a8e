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

Shares can be put into groups, and groups into groups. A group takes turns with its neighbours as if it were one share,
or as many as it may count for, and its members take turns within it. So whoever opens many sessions from one source has
no more of the CPU than somebody who opens one.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable
from itertools import count
from time import perf_counter
from weakref import WeakValueDictionary

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
_ORDER = count()


class Group:
    """Shares and groups that take turns with one another; `Turns` is the outermost one."""

    def __init__(self, parent: Group | None, counts_for: float) -> None:
        self.had: float = parent._clock if parent is not None else 0.0
        """What its members have had, divided by the number of shares that they counted for."""
        self._parent = parent
        self._counts_for = counts_for
        self._clock: float = 0.0
        """What the member has had that came last: those that begin now begin here."""
        self._queue: list[tuple[float, int, Share | Group]] = []
        self._is_queued = False
        self._groups: WeakValueDictionary[Hashable, Group] | None = None
        """Made when it is needed: it takes a kilobyte, and most groups have no others in them."""

    def group(self, name: Hashable, counts_for: float = 1.0) -> Group:
        """The group of this name. It counts for as many shares as it has members with work, but not for more than this.

        It is forgotten with the last share in it.
        """
        if self._groups is None:
            self._groups = WeakValueDictionary()
        found = self._groups.get(name)
        if found is None:
            found = self._groups[name] = Group(self, counts_for)
        found._counts_for = counts_for
        return found

    def share(self) -> Share:
        """A share for a new session, or for a link that belongs to none yet."""
        return Share(self)

    @property
    def turns(self) -> Turns:
        """The outermost group."""
        assert self._parent is not None
        return self._parent.turns

    def _add(self, member: Share | Group, credit: float) -> None:
        """A member that had no work has some."""
        member.had = max(member.had, self._clock - credit)
        self._put(member)
        if self._parent is not None and not self._is_queued:
            self._is_queued = True
            self._parent._add(self, credit)

    def _put(self, member: Share | Group) -> None:
        heapq.heappush(self._queue, (member.had, next(_ORDER), member))

    def _take_first(self) -> Share:
        """Take the share that comes first; `_put_back` must follow for it."""
        had, _, first = heapq.heappop(self._queue)
        self._clock = max(self._clock, had)
        return first if isinstance(first, Share) else first._take_first()

    def _put_back(self, member: Share | Group, *, has_work: bool) -> None:
        """The turn of a member is over."""
        if has_work:
            self._put(member)
        if self._parent is not None:
            self._is_queued = bool(self._queue)
            self._parent._put_back(self, has_work=self._is_queued)

    def _charge(self, seconds: float) -> None:
        if self._parent is not None:
            # whose turn it is does not stand in the queue
            seconds /= max(1.0, min(self._counts_for, len(self._queue) + 1))
            self.had += seconds
            self._parent._charge(seconds)


class Turns(Group):
    """Shared by all sessions of an event loop."""

    def __init__(self) -> None:
        super().__init__(None, 1.0)
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._alone: Share | None = None
        """The only share with work, as nearly always; it waits here, since the queues of all its groups cost more."""

    @property
    def turns(self) -> Turns:
        """Itself."""
        return self

    def _enter(self, share: Share) -> None:
        """A share that had no work has some."""
        if self._handle is None and not self._queue:
            self._alone = share
        else:
            if self._alone is not None:
                alone, self._alone = self._alone, None
                alone._group._add(alone, alone.credit)
            share._group._add(share, share.credit)
        self._go_on_soon()

    def _go_on_soon(self) -> None:
        if self._handle is None and (self._queue or self._alone is not None):
            # a timer and not call_soon: the WebRTC engine holds its next message back while any other callback is ready
            self._handle = self._loop.call_later(0, self._run)

    def _run(self) -> None:
        self._handle = None
        end = perf_counter() + TURN_SECONDS
        try:
            alone, self._alone = self._alone, None
            if alone is not None and self._queue:
                alone._group._add(alone, alone.credit)
            elif alone is not None:
                end -= self._step_alone(alone)
            while self._queue:
                if perf_counter() >= end:
                    break
                share = self._take_first()
                try:
                    end -= share._step()
                finally:
                    share._group._put_back(share, has_work=bool(share._steps))
        finally:
            self._go_on_soon()

    def _step_alone(self, share: Share) -> float:
        """Do a step of the only share with work, as if it had been taken from the queues."""
        member: Share | Group = share
        group: Group | None = share._group
        while group is not None:
            member.had = max(member.had, group._clock - share.credit)
            group._clock = max(group._clock, member.had)
            member, group = group, group._parent
        try:
            return share._step()
        finally:
            if share._steps:
                share._group._add(share, share.credit)


class Share:
    """What one session, or one link without a session, has of the turns."""

    def __init__(self, group: Group) -> None:
        self.had = group._clock
        """What it has had, in seconds of CPU, on the clock of its group."""
        self.is_trusted = False
        """Whether it may have credit after a rest: its handshake is complete."""
        self._group = group
        self._turns = group.turns
        self._steps: list[Step | asyncio.Future[None]] = []  # a deque would take 600 bytes, and most shares wait

    @property
    def credit(self) -> float:
        """How far behind it may be after a rest."""
        return CREDIT_SECONDS if self.is_trusted else 0.0

    def work(self, step: Step) -> None:
        """Call `step` when it is this share's turn, and again as long as it returns true."""
        self._append(step)

    def turn(self) -> asyncio.Future[None]:
        """Is done when it is the turn of this share, for about `STEP_SECONDS`, which are charged at once."""
        turn: asyncio.Future[None] = self._turns._loop.create_future()
        self._append(turn)
        return turn

    def charge(self, seconds: float) -> None:
        """Count what a step has cost."""
        if seconds > CHARGE_MAX_SECONDS:
            seconds = CHARGE_MAX_SECONDS
        self.had += seconds
        self._group._charge(seconds)

    def _append(self, step: Step | asyncio.Future[None]) -> None:
        self._steps.append(step)
        if len(self._steps) == 1:
            self._turns._enter(self)

    def _step(self) -> float:
        """Do one step; returns for how long somebody else will work because of it."""
        step = self._steps[0]
        if isinstance(step, asyncio.Future):
            self._steps.pop(0)
            if step.done():
                return 0.0  # whoever waited for it was cancelled
            step.set_result(None)
            self.charge(STEP_SECONDS)
            return STEP_SECONDS
        has_more = False
        try:
            has_more = step()
        finally:
            self._steps.pop(0)
            if has_more:
                self._steps.append(step)
        return 0.0
