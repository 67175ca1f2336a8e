"""A link that has come to the egress: its first message says whether it begins a session or joins one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from freespan.link.base import MESSAGE_COST, TOO_EARLY, WAITING_MESSAGES_MAX, Link, LinkOwner
from freespan.link.bond.session_key import SessionKey, refusal
from freespan.link.bond.settings import BondSettings
from freespan.wire.bond_frames import Hello, Join, Refused, encode_refused, opening_of
from freespan.wire.errors import LinkError
from freespan.wire.limits import LINK_QUEUE_MAX


class Arrival:
    """Owns a link until a bond does: `opening`, then `Bond.accept_session`, `Bond.admit` or a refusal."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._owner: LinkOwner | None = None
        self._closed_reason: str | None = None
        self._changed = asyncio.Event()
        self.on_change: Callable[[], None] | None = None
        """Called when more waits, until there is an owner."""
        link.start(self)

    @property
    def held(self) -> int:
        """What waits for an owner, as in `DeliveryQueue`."""
        return self._waiting_bytes + len(self._waiting) * MESSAGE_COST

    async def opening(self) -> Hello | Join:
        """Wait for the first message: it begins a session, or joins one. The caller sets the time limit.

        Raises:
            VersionError: the other end speaks another version.
            MessageError: the message is not the first one of a link.
            LinkError: the link closed.
        """
        await self._changed.wait()
        if not self._waiting:
            raise LinkError(self._closed_reason or TOO_EARLY)
        return opening_of(self._waiting[0])

    def take_first_message(self) -> bytes:
        """The message that `opening` has read."""
        message = self._waiting.popleft()
        self._waiting_bytes -= len(message)
        return message

    def hand_over(self, owner: LinkOwner) -> None:
        """From now on `owner` is called; it first gets what has arrived already."""
        self._owner = owner
        while self._waiting:
            owner.on_message(self._waiting.popleft())
        self._waiting_bytes, self.on_change = 0, None
        if self._closed_reason is not None:
            owner.on_closed(self._closed_reason)

    async def refuse(self, key: SessionKey, reason: int, *, linger_seconds: float | None = None) -> None:
        """Prove to the client that its session is gone, and why; then close the link.

        The client closes the link when it has read the proof; it has `linger_seconds` for that.
        """
        join = await self.opening()
        if isinstance(join, Join):
            self.link.send(encode_refused(refusal(key, join.number, reason)))
            await self._wait_until_closed(BondSettings().linger_seconds if linger_seconds is None else linger_seconds)
        self.link.close("the session is gone")

    async def turn_away(self, refused: Refused, reason: str, *, linger_seconds: float) -> None:
        """Answer a HELLO that begins no session; the rest is as with `refuse`."""
        self.link.send(encode_refused(refused))
        await self._wait_until_closed(linger_seconds)
        self.link.close(reason)

    async def _wait_until_closed(self, seconds: float) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                while self._closed_reason is None:
                    await self._changed.wait()
                    self._changed.clear()
        except TimeoutError:
            pass  # the client has had time to read it

    # --- LinkOwner -------------------------------------------------------------------------------------
    def on_message(self, message: bytes) -> None:
        """See `LinkOwner`."""
        if self._owner is not None:
            self._owner.on_message(message)
            return
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        if self._waiting_bytes > LINK_QUEUE_MAX or len(self._waiting) > WAITING_MESSAGES_MAX:
            self.link.close(TOO_EARLY)
        if self.on_change is not None:
            self.on_change()
        self._changed.set()

    def on_writable(self) -> None:
        """See `LinkOwner`."""
        if self._owner is not None:
            self._owner.on_writable()

    def on_closed(self, reason: str) -> None:
        """See `LinkOwner`."""
        self._closed_reason = reason
        self._changed.set()
        if self._owner is not None:
            self._owner.on_closed(reason)
