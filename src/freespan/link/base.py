"""The contract of a link: how messages leave one end and reach the other.

A link is reliable and ordered, and carries messages of 1 to `MESSAGE_MAX` bytes. Link and owner
call each other:

    owner ── send(message), close(reason) ─────────────▶ link
    owner ◀── on_message, on_writable, on_closed ─────── link

`send_credit` is how many bytes the send queue still takes. `send` does not check it, because a small message (an
acknowledgement) must not wait behind a full queue. An owner that goes on without send credit is broken, and a link in
which `PIPE_WAITING_MAX` bytes wait is closed. `on_writable` comes only to an owner that has read a `send_credit` of 0.
`on_closed` comes exactly once, and nothing comes after it.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol, runtime_checkable

from freespan.link.turns import Share
from freespan.wire.limits import LINK_QUEUE_MAX, MESSAGE_MAX

OVERRUN = "the sender overran the link"
MESSAGE_COST = 64
"""What a message takes in memory beside its bytes."""
WAITING_MESSAGES_MAX = 8_192
"""How many messages may wait on a link that is not in use yet, however small they are."""
TEXT = "the other end sent text where only binary messages belong"
BINARY = "the other end sent a binary message where only text belongs"
FORBIDDEN_SIZE = "the other end sent a message of a forbidden size"
TOO_EARLY = "the other end sent too much before the link was in use"


class LinkOwner(Protocol):
    """Who uses a link. Calls come from the event loop, never from inside `send` or `close`."""

    def on_message(self, message: bytes) -> None:
        """A message of the other end has arrived."""

    def on_writable(self) -> None:
        """The owner has read a `send_credit` of 0, and half of the send queue is empty again."""

    def on_closed(self, reason: str) -> None:
        """The link has closed; `reason` is one phrase for a person, without addresses."""


class Link(Protocol):
    """One end of a link."""

    def start(self, owner: LinkOwner) -> None:
        """Begin to deliver to `owner`; called once. What has arrived before is delivered first, in order."""

    @property
    def send_credit(self) -> int:
        """How many bytes the send queue still takes, 0 when it is full."""

    def send(self, message: bytes) -> None:
        """Queue a message. On a closed link it is dropped, and `on_closed` has said so or will."""

    def close(self, reason: str = "closed") -> None:
        """Close the link; what is queued may be lost. `on_closed` follows, with this reason."""


@runtime_checkable
class Paced(Protocol):
    """What a link has that reads from a socket: it can be asked to read more slowly. A data channel cannot."""

    def pause(self) -> None:
        """Stop reading until `resume`; what has been read already may still be delivered."""

    def resume(self) -> None:
        """Read on."""

    def share_turns(self, share: Share) -> None:
        """From now on, what is read counts as work of `share`, whose turn the reader waits for."""


class SendQueueLimit:
    """The arithmetic of a bounded send queue: its send credit, and when its owner learns that there is some again."""

    def __init__(self) -> None:
        self._was_full = False

    def send_credit(self, queued: int) -> int:
        """The send credit while `queued` bytes wait; less than a whole message counts as none.

        An owner that has read 0 here is told when there is some again (`has_drained`).
        """
        credit = LINK_QUEUE_MAX - queued
        if credit < MESSAGE_MAX:
            self._was_full = True
            return 0
        return credit

    def has_drained(self, queued: int) -> bool:
        """True once after the queue was full, when half of it is empty: time for `on_writable`."""
        if self._was_full and queued <= LINK_QUEUE_MAX // 2:
            self._was_full = False
            return True
        return False


class DeliveryQueue:
    """Delivers what arrives on a link to its owner, and keeps it until there is an owner.

    Before `start`, at most `limit` bytes are kept; `deliver` returns false when there is more.
    """

    def __init__(self, limit: int) -> None:
        self._owner: LinkOwner | None = None
        self._is_started = False
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._limit = limit
        self._closed_reason: str | None = None

    @property
    def held(self) -> int:
        """What is kept until there is an owner, as it takes memory."""
        return self._waiting_bytes + len(self._waiting) * MESSAGE_COST

    @property
    def is_closed(self) -> bool:
        """Whether the link has closed."""
        return self._closed_reason is not None

    def start(self, owner: LinkOwner) -> None:
        """Deliver what was kept, then the end if it has come already."""
        if self._is_started:
            raise RuntimeError("a link has one owner")
        self._is_started = True
        self._owner = owner
        while self._waiting:
            owner.on_message(self._waiting.popleft())
        self._waiting_bytes = 0
        self._report_closed()

    def deliver(self, message: bytes) -> bool:
        """Deliver a message; false when more than `limit` bytes wait now, so that the link must be closed."""
        if self._closed_reason is not None:
            return True
        if self._owner is not None:
            self._owner.on_message(message)
            return True
        self._waiting_bytes += len(message)
        self._waiting.append(message)
        return self._waiting_bytes <= self._limit and len(self._waiting) <= WAITING_MESSAGES_MAX

    def report_writable(self) -> None:
        """Tell the owner that there is send credit again."""
        if self._owner is not None and self._closed_reason is None:
            self._owner.on_writable()

    def end(self, reason: str) -> None:
        """Tell the owner that the link has closed, once."""
        if self._closed_reason is None:
            self._closed_reason = reason
        self._report_closed()

    def _report_closed(self) -> None:
        if self._owner is not None and self._closed_reason is not None:
            owner, self._owner = self._owner, None  # else link and owner would keep each other for the collector
            owner.on_closed(self._closed_reason)
