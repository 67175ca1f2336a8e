"""A link that has come to the egress: its first message says whether it begins a session or joins one."""

from __future__ import annotations

import asyncio
from collections import deque

from freespan.link.base import TOO_EARLY, Link, LinkOwner
from freespan.link.bond.seal import SessionKey, refusal
from freespan.wire.bond_frames import Join, encode_refused, opening_of
from freespan.wire.errors import LinkError
from freespan.wire.limits import BOND_LINGER_SECONDS, LINK_QUEUE_MAX


class Arrival:
    """Owns a link until a bond does: `opening`, then `Bond.accept`, `Bond.admit` or `refuse`."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._owner: LinkOwner | None = None
        self._lost: str | None = None
        self._news = asyncio.Event()
        link.start(self)

    async def opening(self) -> Join | None:
        """Wait for the first message: a JOIN, or None for a new session. The caller sets the time limit.

        Raises:
            MessageError: it is neither; or of another version.
            LinkError: the link ended.
        """
        await self._news.wait()
        if not self._waiting:
            raise LinkError(self._lost or TOO_EARLY)
        return opening_of(self._waiting[0])

    def first_message(self) -> bytes:
        """Take it; `opening` has seen it."""
        message = self._waiting.popleft()
        self._waiting_bytes -= len(message)
        return message

    def hand_over(self, owner: LinkOwner) -> None:
        """From now on `owner` is told; first what has come already."""
        self._owner = owner
        while self._waiting:
            owner.on_message(self._waiting.popleft())
        if self._lost is not None:
            owner.on_closed(self._lost)

    async def refuse(self, session: SessionKey, reason: int) -> None:
        """Prove to the client that its session is not to be had here any more, and why; then end the link."""
        join = await self.opening()
        if join is not None:
            self.link.send(encode_refused(refusal(session, join.link, reason)))
            self._news.clear()
            try:
                async with asyncio.timeout(BOND_LINGER_SECONDS):
                    while self._lost is None:
                        await self._news.wait()
                        self._news.clear()
            except TimeoutError:
                pass  # the client has had time to read it
        self.link.close("the session is gone")

    # --- LinkOwner -----------------------------------------------------------------------------
    def on_message(self, message: bytes) -> None:
        """See `LinkOwner`."""
        if self._owner is not None:
            self._owner.on_message(message)
            return
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        if self._waiting_bytes > LINK_QUEUE_MAX:
            self.link.close(TOO_EARLY)
        self._news.set()

    def on_writable(self) -> None:
        """See `LinkOwner`."""
        if self._owner is not None:
            self._owner.on_writable()

    def on_closed(self, reason: str) -> None:
        """See `LinkOwner`."""
        self._lost = reason
        self._news.set()
        if self._owner is not None:
            self._owner.on_closed(reason)
