"""The contract of a link, the one door through which packets leave and enter.

A link is reliable and ordered and carries messages of 1 to `MESSAGE_MAX` bytes. It calls its owner; the owner calls it:

    owner ── send(message), close(reason) ──▶ link
    owner ◀── on_message, on_writable, on_closed ── link

`room` is how many bytes the send queue still takes. `send` does not check it, since a small message (an
acknowledgement) must not wait behind a full queue; an owner that goes on without room is broken, and a link with
`PIPE_WAITING_MAX` bytes waiting ends.
`on_closed` comes exactly once, and nothing comes after it.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX

OVERRUN = "the sender overran the link"
TEXT = "the other end sent text where only sealed packets belong"
BINARY = "the other end sent sealed packets where only text belongs"
FORBIDDEN_SIZE = "the other end sent a message of a forbidden size"
TOO_EARLY = "the other end sent too much before the link was in use"


class LinkOwner(Protocol):
    """Who uses a link. Calls come from the event loop, never from inside `send` or `close`."""

    def on_message(self, message: bytes) -> None:
        """A message of the other end."""

    def on_writable(self) -> None:
        """`room` was used up and is at least half of the bound again."""

    def on_closed(self, reason: str) -> None:
        """The link has ended; `reason` is one phrase for a person, without addresses."""


class Link(Protocol):
    """One end of a pipe."""

    def start(self, owner: LinkOwner) -> None:
        """Begin to deliver to `owner`; called once. What came before waits in order."""

    @property
    def send_credit(self) -> int:
        """Bytes that the send queue still takes, 0 when it is full."""

    def send(self, message: bytes) -> None:
        """Queue a message; on a link that has ended it is dropped, and `on_closed` has said so or will."""

    def close(self, reason: str = "closed") -> None:
        """End the link; what is queued may be lost. `on_closed` follows, with this reason."""


class SendBound:
    """The arithmetic of a bounded send queue, shared by the implementations."""

    def __init__(self) -> None:
        self._was_full = False

    def send_credit(self, queued: int) -> int:
        """Room left when `queued` bytes wait; less than a whole message counts as none."""
        room = LINK_QUEUE_MAX - queued
        if room < MESSAGE_MAX:
            self._was_full = True
            return 0
        return room

    def has_drained(self, queued: int) -> bool:
        """True once after the queue was full, when half of it is gone: time for `on_writable`."""
        if self._was_full and queued <= LINK_QUEUE_MAX // 2:
            self._was_full = False
            return True
        return False


class Inbox:
    """Holds what arrives until a link has an owner; shared by the implementations.

    Before `start`, at most `bound` bytes wait; `deliver` returns false when that is exceeded.
    """

    def __init__(self, bound: int) -> None:
        self._owner: LinkOwner | None = None
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._bound = bound
        self._lost: str | None = None
        self._told = False

    @property
    def lost(self) -> bool:
        """Whether the link has ended."""
        return self._lost is not None

    def start(self, owner: LinkOwner) -> None:
        """Hand over what waited, then the end if it has come already."""
        if self._owner is not None:
            raise RuntimeError("a link has one owner")
        self._owner = owner
        while self._waiting:
            owner.on_message(self._waiting.popleft())
        self._tell()

    def deliver(self, message: bytes) -> bool:
        """Pass a message on; false when it could not be kept."""
        if self._lost is not None:
            return True
        if self._owner is not None:
            self._owner.on_message(message)
            return True
        self._waiting_bytes += len(message)
        self._waiting.append(message)
        return self._waiting_bytes <= self._bound

    def make_room(self) -> None:
        """Tell the owner that there is room again."""
        if self._owner is not None and self._lost is None:
            self._owner.on_writable()

    def end(self, reason: str) -> None:
        """Tell the owner the end, once."""
        if self._lost is None:
            self._lost = reason
        self._tell()

    def _tell(self) -> None:
        if self._owner is not None and self._lost is not None and not self._told:
            self._told = True
            self._owner.on_closed(self._lost)
